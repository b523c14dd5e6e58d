"""Which rollback a guard starts: the one to the last good release, or triage's best answer if no release is known good."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from rollback_lib.errors import Refused, TargetRefused
from rollback_lib.facts import releases
from rollback_lib.facts.host import Host
from rollback_lib.facts.whole_release import WholeRelease
from rollback_lib.health.probe import Probe
from rollback_lib.procedures import mark, triage
from rollback_lib.procedures.code import state as code
from rollback_lib.procedures.release import state as release
from rollback_lib.stack.model import Stack
from rollback_lib.text import times


@dataclass(frozen=True)
class WayBack:
    """A rollback: its procedure with its parameters, and why it is this one. `reason` is why there has to be one, for its record."""

    procedure: str
    why: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


def way_back(host: Host, stack: Stack, probes: Sequence[Probe]) -> WayBack:
    """The rollback to start, when the last probe of each route is one of `probes`. Raises TargetRefused if there is none, Refused if the
    host cannot be asked."""
    if whole := _last_whole(host, stack):
        why = f"the last good release is {whole.commit[:7] or whole.incident} of {times.minute(whole.when)}"
        return WayBack(release.NAME, why, {"to": whole.incident})
    now = mark.document(host, stack)
    good = _last_good(now)
    called = f"{good.commit[:7] or good.image[7:19]} of {times.minute(good.when)}" if good else ""
    if good and not _runs(now, good):
        return WayBack(code.NAME, f"the last good release is {called}")
    seen = triage.diagnose(replace(triage.document(host, stack), probes=tuple(probes)))
    none = f"the last good release is what runs, {called}" if good else f"no release is known good on {stack.host}"
    if not seen.fitting:
        raise TargetRefused(f"{none}, and triage says: {seen.reason}")
    best = seen.fitting[0]
    return WayBack(best.procedure, f"{none}, so this is triage's best answer: {best.situation}", best.parameters)


def _last_whole(host: Host, stack: Stack) -> WholeRelease | None:
    """The newest release that was entered whole and was not found bad since; None if there is none, or if it is what runs: an older one
    would be no better. None also if a part of it cannot be looked at."""
    try:
        now = release.document(host, stack)
    except Refused:
        return None
    newest = next((one for one in now.releases if one.commit not in now.bad), None)
    return newest if newest and any(found.restored for found in release.differences(now, newest)) else None


def _last_good(now: mark.State) -> releases.Release | None:
    """The newest release of the main service that was healthy here and was not found bad since."""
    known = now.main.releases
    good = (line for line in reversed(known) if line.healthy)
    return next((line for line in good if releases.standing(known, line.commit, line.image)[1]), None)


def _runs(now: mark.State, release: releases.Release) -> bool:
    """Whether the release is what runs, so that a rollback of its code changes nothing."""
    container = now.main.container
    same = container is not None and container.image == release.image
    return same or (release.commit != "" and release.commit == now.main.running)
