"""What an incident reports at each stage: when it opens, asks for confirmation, is resumed, has verified, and closes."""

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
    """Who runs which procedure, where and how. An incident shows this when it opens.

    `budget` is in seconds, 0 for none; `usual` holds the seconds that earlier runs took. `revert_after` is in seconds, 0 for never.
    `reviewed` is the hash of the only plan that may be applied, "" for any. `checked` are the points of the checklist that a person vouches
    for. `break_glass` is why the run may go on without the approval that it needs, "" if it may not. `named` is how the stack was named.
    `session` names the notebook in JupyterLab, "" elsewhere. `process` is the id of this process. `practice` is as in the stack.
    `resumed` is True if the incident was opened before.
    """

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
    break_glass: str = ""
    named: str = ""
    session: str = ""
    process: int = 0
    practice: bool = False
    resumed: bool = False


@dataclass(frozen=True)
class Confirmation:
    """What a person is asked to confirm. `holder` says who else holds the lock of the stack, "" for nobody."""

    plan: Plan
    holder: str


@dataclass(frozen=True)
class Standing:
    """How far an incident came: each step's name with its state in words, and one probe of each route as it is now."""

    steps: tuple[tuple[str, str], ...]
    probes: tuple[Probe, ...]


@dataclass(frozen=True)
class Verification:
    """What the verification found: the effects, and the health of the routes.

    `wanted` is how many probes in a row each route has to pass. `marks` says when each step began. `outages` are those of the whole
    run. `applied` is False if the run changed nothing, so that this only shows the present state. `routes` are the routes that have
    to pass, None for all.
    """

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
        """The names of all routes whose last probe failed, also of those that need not pass."""
        last = {probe.route: probe.ok for probe in sorted(self.probes, key=lambda probe: probe.at)}
        return tuple(sorted(route for route, ok in last.items() if not ok))


class Conclusion(Protocol):
    """The result of a run that only looks: its verdict and the reason in a sentence. `data` is what the record keeps of it. `next`
    gives command lines for what to do next; `stack` is the name to use in them."""

    @property
    def verdict(self) -> Verdict: ...
    @property
    def reason(self) -> str: ...
    def data(self) -> dict[str, Any]: ...
    def next(self, stack: str) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Closing:
    """The verdict and what to do next. `seconds` is how long the incident took; `outage` is in words."""

    verdict: Verdict
    reason: str
    seconds: float
    budget: float
    outage: str
    folder: Path
    next_actions: tuple[str, ...]
