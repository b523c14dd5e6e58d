"""The dead man's switch: a job on the host that undoes a rollback after some time, unless the run disarms it before."""

from datetime import UTC, datetime, timedelta

from rollback_lib.commands.command import Command, script
from rollback_lib.errors import Refused
from rollback_lib.host import lock
from rollback_lib.host.jobs import Job
from rollback_lib.host.link import Link
from rollback_lib.plan.step import Step, When
from rollback_lib.record.folder import Folder
from rollback_lib.run.console import Console
from rollback_lib.text import times

NAME = "revert"

# Whoever makes the folder `decided` has decided; mkdir succeeds only once, so the run and the host cannot both decide.
# Before the host undoes anything, it waits for steps that still run.
_WAIT = r"""
until=$(($(date +%%s) + %d))
while [ "$(date +%%s)" -lt "$until" ]; do [ ! -d decided ] || exit 0; sleep 1; done
mkdir decided 2>/dev/null || exit 0
echo host >decided/by
for job in ../*/; do [ "$job" = ../revert/ ] || ! [ -e "$job/alive" ] || flock -s "$job/alive" true; done
"""
SLACK = 3600.0  # seconds that the job waits for a step that still runs


def job(state: str, incident: str, seconds: float, undo: tuple[Step, ...]) -> Job:
    """The job that waits for `seconds` and then runs the steps of `undo`, except those for an unhealthy stack only."""
    steps = [step for step in undo if step.when is not When.UNHEALTHY]
    text = _WAIT % round(seconds) + "".join(script(step.script) for step in steps)
    return Job(state, incident, NAME, text, seconds + SLACK + sum(step.deadline for step in steps))


def guard(state: str, incident: str) -> Command:
    """The command that fails with a message if the host has begun to undo. It keeps further steps from starting."""
    look = '[ ! -d "$1/decided" ] || grep -qsx run "$1/decided/by" || { echo "the host undoes this run by itself" >&2; exit 1; }'
    return Command.of("sh", "-euc", look, "sh", _folder(state, incident))


def decided_by_host(state: str, incident: str) -> Command:
    """The command that succeeds only if the host has begun to undo."""
    return Command.of("grep", "-qx", "host", f"{_folder(state, incident)}/decided/by")


def decide(state: str, incident: str) -> Command:
    """The command that keeps the host from undoing. It fails if the host has begun to undo. It may run twice."""
    keep = 'cd "$1"; if mkdir decided 2>/dev/null; then echo run >decided/by; else [ "$(cat decided/by)" = run ]; fi'
    return Command.of("sh", "-euc", keep, "sh", _folder(state, incident))


def _folder(state: str, incident: str) -> str:
    return Job(state, incident, NAME, "", 0).folder


class AutoRevert:
    """The switch of one run. `armed` in the state of the run says whether it is set, and for when."""

    def __init__(self, link: Link, folder_there: str, record: Folder, console: Console) -> None:
        self._link = link
        self._there = folder_there
        self._record = record
        self._console = console

    @property
    def guard(self) -> tuple[Command, ...]:
        """The commands that must succeed before a step may start; none if the switch is not set."""
        return (guard(self._there, self._record.id),) if self._record.state.armed else ()

    def arm(self, seconds: float, undo: tuple[Step, ...], plan: str) -> None:
        """Set the switch: in `seconds` the host runs the steps of `undo`, unless `disarm` is called before. `plan` is the hash of the
        plan. Raises Refused if the switch cannot be set."""
        result = self._link.run_job(job(self._there, self._record.id, seconds, undo), lock.LEASE, None)
        if result.status != 0:
            raise Refused(f"the switch that undoes by itself could not be set on {self._link.alias}; nothing was changed")
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        self._record.event("armed", plan=plan, seconds=seconds, until=until.isoformat(timespec="seconds"))
        self._console.line(f"● Unless this run comes to health, {self._link.alias} undoes it by itself at {times.clock(until)} UTC.")

    def disarm(self) -> bool:
        """Release the switch. False if the host has begun to undo; this then waits until the host has finished."""
        if self._record.state.armed is None:
            return True
        result = self._link.run(script((decide(self._there, self._record.id),)))
        self._record.event("disarmed", decided="run" if result.status == 0 else "host")
        if result.status == 0:
            return True
        self._await()
        return False

    def reverted(self) -> bool:
        """Whether the host has begun to undo by itself. If so, this waits until the host has finished."""
        if self._record.state.armed is None:
            return False
        if self._link.run(script((decided_by_host(self._there, self._record.id),))).status != 0:
            return False
        self._record.event("disarmed", decided="host")
        self._await()
        return True

    def _await(self) -> None:
        self._console.line(f"▲ {self._link.alias} undoes by itself: its time had come.")
        self._link.run_job(job(self._there, self._record.id, 0, ()), lock.LEASE, lambda _: None)
