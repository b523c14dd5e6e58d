"""The dead man's switch: a job on the host that undoes a rollback by itself, unless the run comes back and decides otherwise."""

from rollback_lib.commands.command import Command, script
from rollback_lib.host.jobs import Job
from rollback_lib.plan.plan import Step

NAME = "revert"

# Who makes the folder `decided` has decided: the run and the host cannot both. A step that still runs comes to its end first.
_WAIT = r"""
until=$(($(date +%%s) + %d))
while [ "$(date +%%s)" -lt "$until" ]; do [ ! -d decided ] || exit 0; sleep 1; done
mkdir decided 2>/dev/null || exit 0
echo host >decided/by
for job in ../*/; do [ "$job" = ../revert/ ] || ! [ -e "$job/alive" ] || flock -s "$job/alive" true; done
"""
SLACK = 3600.0  # seconds for a step that still runs


def job(state: str, incident: str, seconds: float, undo: tuple[Step, ...]) -> Job:
    """The job that waits so many seconds and then runs these steps, but for those that are only for an unhealthy stack."""
    steps = [step for step in undo if not step.unless_healthy]
    text = _WAIT % round(seconds) + "".join(script(step.script) for step in steps)
    return Job(state, incident, NAME, text, seconds + SLACK + sum(step.deadline for step in steps))


def guard(state: str, incident: str) -> Command:
    """The command that fails, saying so, where the host has begun to undo: no further step may start there."""
    look = '[ ! -d "$1/decided" ] || grep -qsx run "$1/decided/by" || { echo "the host undoes this run by itself" >&2; exit 1; }'
    return Command.of("sh", "-euc", look, "sh", _folder(state, incident))


def decided_by_host(state: str, incident: str) -> Command:
    """The command that succeeds where the host has begun to undo."""
    return Command.of("grep", "-qx", "host", f"{_folder(state, incident)}/decided/by")


def decide(state: str, incident: str) -> Command:
    """The command that keeps the host from undoing; it fails where the host has begun. May run twice."""
    keep = 'cd "$1"; if mkdir decided 2>/dev/null; then echo run >decided/by; else [ "$(cat decided/by)" = run ]; fi'
    return Command.of("sh", "-euc", keep, "sh", _folder(state, incident))


def _folder(state: str, incident: str) -> str:
    return Job(state, incident, NAME, "", 0).folder
