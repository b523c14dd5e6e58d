"""Which rollback a guard starts: the one to the last good release, or triage's best answer if no release is known good."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from rollback_lib.errors import TargetRefused
from rollback_lib.facts import releases
from rollback_lib.facts.host import Host
from rollback_lib.health.probe import Probe
from rollback_lib.procedures import mark, triage
from rollback_lib.stack.model import Stack
from rollback_lib.text import times

TO_LAST_GOOD = "code"  # the procedure that rolls back to the newest release that was healthy here


@dataclass(frozen=True)
class WayBack:
    """A rollback: its procedure with its parameters, and why it is this one."""

    procedure: str
    why: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def way_back(host: Host, stack: Stack, probes: Sequence[Probe]) -> WayBack:
    """The rollback to start, when the last probe of each route is one of `probes`. Raises TargetRefused if there is none, Refused if the
    host cannot be asked."""
    good = _last_good(mark.document(host, stack))
    if good:
        return WayBack(TO_LAST_GOOD, f"the last good release is {good.commit[:7] or good.image[7:19]} ({times.minute(good.when)})")
    seen = triage.diagnose(replace(triage.document(host, stack), probes=tuple(probes)))
    none = f"no release is known good on {stack.host}"
    if not seen.fitting:
        raise TargetRefused(f"{none}, and triage says: {seen.reason}")
    best = seen.fitting[0]
    return WayBack(best.procedure, f"{none}, so this is triage's best answer: {best.situation}", best.parameters)


def _last_good(now: mark.State) -> releases.Release | None:
    """The newest release of the main service that was healthy here, was not found bad since, and is not what runs."""
    known, container = now.main.releases, now.main.container
    bad = {line.commit or line.image for line in known if releases.standing(known, line.commit, line.image)[1] is False}
    running = {now.main.running, container.image if container else None}
    good = (line for line in reversed(known) if line.healthy and (line.commit or line.image) not in bad)
    return next((line for line in good if running.isdisjoint((line.commit, line.image) if line.commit else (line.image,))), None)
