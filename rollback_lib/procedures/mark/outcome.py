"""The result of a mark: what was entered, or why nothing was."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rollback_lib.facts import releases
from rollback_lib.health.probe import Probe
from rollback_lib.plan.plan import Plan
from rollback_lib.procedures.mark import files
from rollback_lib.procedures.mark.noted import After
from rollback_lib.procedures.mark.state import State
from rollback_lib.procedures.mark.target import Target
from rollback_lib.record.verdict import Verdict
from rollback_lib.stack.model import Stack
from rollback_lib.text import tables, times


@dataclass(frozen=True)
class Marked:
    """What was entered."""

    now: State
    target: Target
    plan: Plan

    @property
    def verdict(self) -> Verdict:
        return Verdict.MARKED

    @property
    def reason(self) -> str:
        """What was entered, and what was not, in a sentence."""
        return "; ".join([self._entered(), *(f"not entered: {one}" for one in self.data()["left_out"])])

    def _entered(self) -> str:
        main, host = self.target.entries[0], self.now.stack.host
        names = f"{' and '.join(one.words for one in self.target.entries)} {'is' if len(self.target.entries) == 1 else 'are'}"
        if not self.target.healthy:
            return f"{names} entered as bad on {host}, and no rollback proposes that any more"
        before = releases.standing(self.now.main.releases, main.commit, main.image)[1]
        return f"{names} known good on {host}{', as before' if before else ''}"

    def data(self) -> dict[str, Any]:
        """For the record."""
        doubts = [f"{one.path}: {one.doubt}" for one in files.there(self.now) if one.doubt and self.target.running]
        return {**After.read(self.plan.after).plain(), "left_out": [*self.target.left_out, *doubts]}

    def next(self, stack: str) -> tuple[str, ...]:
        """What to do, as a command line."""
        if self.target.healthy or not self.target.running:
            return ()
        return (f"To go back to what was healthy before: `rollback run triage --stack {stack}` says how.",)


@dataclass(frozen=True)
class NotHealthy:
    """Nothing was entered, since some routes did not pass enough probes in a row. `failing` holds the last failed probe of each such route,
    None if it gave no answer in time."""

    stack: Stack
    failing: Mapping[str, Probe | None]

    @property
    def verdict(self) -> Verdict:
        return Verdict.NOT_READY

    @property
    def reason(self) -> str:
        """That nothing was entered, and why."""
        return f"{self.stack.host} is not healthy, so nothing was entered: {self.routes}"

    @property
    def routes(self) -> str:
        """Which routes failed, and what they answered."""
        health = self.stack.health
        wanted = f"did not pass {tables.count(health.passes, 'probe')} in a row in {times.given(health.deadline)}"
        return "; ".join(f"route {route} {wanted} ({answered(probe)})" for route, probe in self.failing.items())

    def data(self) -> dict[str, Any]:
        """For the record."""
        return {"healthy": False, "failing": failed(self.failing), "releases": [], "files": [], "left_out": []}

    def next(self, stack: str) -> tuple[str, ...]:
        """What to do, as a command line."""
        return (f"See what is wrong: `rollback run triage --stack {stack}`; mark it again once it is healthy.",)


def failed(failing: Mapping[str, Probe | None]) -> list[dict[str, Any]]:
    """The routes that failed, each with its last failed probe, for the record."""
    return [
        {"route": route, "status": probe.status if probe else None, "said": probe.words if probe else ""}
        for route, probe in failing.items()
    ]  # fmt: skip


def answered(probe: Probe | None) -> str:
    """What a route answered that failed, in words."""
    if probe is None:
        return "no answer"
    return f"{probe.status or 'no answer'}: {probe.words}" if probe.words else f"{probe.status}"
