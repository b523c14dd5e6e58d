"""What an incident says of itself at its stages: when it opens, when it is resumed, when it has verified, when it closes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from rollback_lib.health.outage import Outages
from rollback_lib.health.probe import Probe
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.plan import Plan
from rollback_lib.record.verdict import Verdict


@dataclass(frozen=True)
class Opening:
    """Who runs what, where; what an incident shows of itself when it opens. `revert_after` is in seconds, 0 is never;
    `reviewed` the hash of the one plan that may be applied, `checked` the points of the checklist that a person vouches for;
    `session` the notebook in JupyterLab, `process` our own id; `resumed` tells that the incident was opened before."""

    incident: str
    procedure: str
    stack: str
    host: str
    who: str
    mode: str
    on_failure: str
    reason: str
    parameters: Mapping[str, object]
    folder: Path
    budget: float
    usual: tuple[float, ...]
    take_over: bool = False
    revert_after: float = 0.0
    reviewed: str = ""
    checked: tuple[str, ...] = ()
    session: str = ""
    process: int = 0
    resumed: bool = False


@dataclass(frozen=True)
class Confirmation:
    """What a person is asked to confirm: the plan, and who holds the stack, "" for nobody else."""

    plan: Plan
    holder: str


@dataclass(frozen=True)
class Standing:
    """How far an incident came: its steps with what is known of each, and the routes as they are."""

    steps: tuple[tuple[str, str], ...]
    probes: tuple[Probe, ...]


@dataclass(frozen=True)
class Verification:
    """Asked for against found, and health. `outages` are those of the whole run. `applied` is False when nothing was changed and
    this is only a look; `routes` are those that have to pass, None: all of them."""

    effects: tuple[Effect, ...]
    healthy: bool
    wanted: int
    probes: tuple[Probe, ...]
    marks: tuple[tuple[datetime, str], ...]
    outages: Outages
    applied: bool
    routes: tuple[str, ...] | None = None

    @property
    def ok(self) -> bool:
        return self.healthy and all(effect.ok for effect in self.effects)

    @property
    def ill(self) -> tuple[str, ...]:
        """The routes whose last probe failed, by name; those that need not pass, too."""
        last = {probe.route: probe.ok for probe in sorted(self.probes, key=lambda probe: probe.at)}
        return tuple(sorted(route for route, ok in last.items() if not ok))


class Conclusion(Protocol):
    """What a run that only looks comes to: its verdict, why in a sentence, what of it is kept in the record, and what to do next, as
    command lines for the stack as it was named."""

    @property
    def verdict(self) -> Verdict: ...
    @property
    def reason(self) -> str: ...
    def data(self) -> dict[str, Any]: ...
    def next(self, stack: str) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Closing:
    """The verdict and what to do next; `outage` is in words."""

    verdict: Verdict
    reason: str
    seconds: float
    budget: float
    outage: str
    folder: Path
    next_actions: tuple[str, ...]
