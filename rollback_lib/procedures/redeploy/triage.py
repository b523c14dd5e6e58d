"""How triage weighs a broken stack: its containers and its networks."""

from datetime import timedelta

from rollback_lib.facts import docker
from rollback_lib.facts.host import Unanswered
from rollback_lib.plan.plan import some
from rollback_lib.procedures.common.change import Change, Level
from rollback_lib.procedures.common.finding import Finding
from rollback_lib.procedures.common.rows import RED, Row
from rollback_lib.procedures.common.stack_state import StackState
from rollback_lib.procedures.common.symptoms import Symptoms
from rollback_lib.procedures.common.triage import Triage
from rollback_lib.procedures.redeploy.state import State, document

_AGAIN = timedelta(seconds=30)  # a container that starts later than that after it was made is started again


def weigh(one: Finding, known: State, now: StackState, seen: Symptoms) -> None:
    """Weigh the stack as a whole."""
    if seen.lost:
        one.add(4, f"not on their networks: {some([f'{container} on {network}' for container, network in seen.lost])}", sure=True)
    stale = sorted({attached.container for attached in known.attachments.stale})
    if stale:
        one.add(3, f"on a network that is gone, so that they cannot start: {some(stale)}", sure=True)
    missing = sorted(name for name, service in known.services.items() if not known.of(name) and not service.optional)
    if missing:
        one.add(3, f"services without a container: {some(missing)}", sure=True)
    alone = [name for name in seen.down if not any(f"-{service}-" in name for service in seen.ill)]
    if len(seen.down) > 1:
        one.add(2, f"not running: {some(list(seen.down))}")
    elif alone:
        one.add(1, f"not running: {some(alone)}; `docker start {alone[0]}` may be all it takes")
    if not one.evidence:
        one.add(-1, "every container runs, on every network it should be on")


def changes(known: State) -> list[Change]:
    """When the containers were made, and when those that were not made then were started again."""
    made = [Change(one.created, Level.CONTAINER, "container", f"{one.name} was made") for one in known.containers]
    return made + _restarts(known)


def _restarts(known: State) -> list[Change]:
    """When containers were started again. Those that were started together, as after a reboot, are one change."""
    again = sorted((one for one in known.containers if one.started > one.created + _AGAIN), key=lambda one: one.started)
    together: list[list[docker.Container]] = []
    for one in again:
        if together and one.started - together[-1][-1].started < _AGAIN:
            together[-1].append(one)
        else:
            together.append([one])
    return [
        Change(mine[-1].started, Level.START, "restart", f"{some(sorted(one.name for one in mine))} started again") for mine in together
    ]


def rows(known: State | Unanswered) -> list[Row]:
    """A row for Docker if it does not answer."""
    return [Row("docker", RED, known.why, "see `systemctl status docker` on the host")] if isinstance(known, Unanswered) else []


# What runs is looked at in every stack, whether it can be redeployed or not: nothing else knows what is down.
TRIAGE = Triage(
    situation="Full stack broken", look=document, weigh=weigh, changes=changes, rows=rows, parts=lambda stack: [{}]
)  # fmt: skip
