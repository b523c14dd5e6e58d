"""The result of a guard: the release held and is marked, or it did not, and what became of the rollback."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rollback_lib.health.probe import Probe
from rollback_lib.procedures.guard.way_back import WayBack
from rollback_lib.procedures.mark import Marked, failed
from rollback_lib.record.verdict import Verdict
from rollback_lib.stack.model import Stack


@dataclass(frozen=True)
class Held:
    """Every route held for the time `hold`, and the release is marked."""

    hold: str
    marked: Marked

    @property
    def verdict(self) -> Verdict:
        return Verdict.MARKED

    @property
    def reason(self) -> str:
        return f"every route held for {self.hold}; {self.marked.reason}"

    def data(self) -> dict[str, Any]:
        """For the record."""
        return {"held": True, "failing": [], "rollback": None, **self.marked.data()}

    def next(self, stack: str) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class Lapse:
    """What did not hold, in words. `failing` holds the last failed probe of each route that did not, None if it gave no answer."""

    words: str
    failing: Mapping[str, Probe | None]


@dataclass(frozen=True)
class RolledBack:
    """The run of a rollback, after it has ended. `folder` is that of its record; `plan` is the hash of its plan, "" if it has none."""

    incident: str
    verdict: Verdict
    reason: str
    folder: Path
    plan: str = ""


@dataclass(frozen=True)
class NotHeld:
    """The release did not hold. `way` is the rollback that was chosen, and `rollback` how it ended; None if none could be started, and
    `refused` says why. With `apply` it was to be applied."""

    stack: Stack
    lapse: Lapse
    apply: bool
    way: WayBack | None = None
    rollback: RolledBack | None = None
    refused: str = ""

    @property
    def verdict(self) -> Verdict:
        """The verdict on what is left of the deploy: rolled back, changed in part, not known, or still there."""
        ended = self.rollback.verdict if self.rollback else Verdict.REFUSED
        if ended in (Verdict.SUCCEEDED, Verdict.NOTHING_TO_DO):
            return Verdict.ROLLED_BACK
        return ended if ended in (Verdict.PARTLY, Verdict.UNKNOWN) else Verdict.NOT_HELD

    @property
    def reason(self) -> str:
        """What did not hold, and what became of it."""
        return f"{self.stack.name} did not hold on {self.stack.host}: {self.lapse.words}; {self._after()}"

    def _after(self) -> str:
        if self.rollback is None or self.way is None:
            return f"nothing was rolled back: {self.refused}"
        named = f"{self.way.procedure} rollback {self.rollback.incident}"
        how = {
            Verdict.ROLLED_BACK: f"rolled back by the {named}",
            Verdict.PARTLY: f"the {named} failed and changed the host in part: {self.rollback.reason}",
            Verdict.UNKNOWN: f"it is not known what became of the {named}: {self.rollback.reason}",
        }.get(self.verdict, f"not rolled back: {self.rollback.reason}")
        if self.rollback.verdict is Verdict.PLANNED:
            loses = "; it loses data, so a person has to apply it" if self.apply else ""
            how = f"the {named} is planned and not applied{loses}"
        return f"{how} ({self.way.why})"

    def data(self) -> dict[str, Any]:
        """For the record."""
        one = self.rollback
        ran = one and self.way and {
            "incident": one.incident, "procedure": self.way.procedure, "parameters": dict(self.way.parameters), "why": self.way.why,
            "verdict": one.verdict, "status": one.verdict.status, "reason": one.reason, "folder": str(one.folder),
        }  # fmt: skip
        return {"held": False, "failing": failed(self.lapse.failing), "rollback": ran, "releases": [], "files": [], "left_out": []}

    def next(self, stack: str) -> tuple[str, ...]:
        """What to do, as a command line."""
        one = self.rollback
        if one and self.verdict is Verdict.ROLLED_BACK:
            return (f"To undo the rollback: `rollback undo {one.incident}`.",)
        if one and self.verdict is not Verdict.NOT_HELD:
            return (f"`rollback resume {one.incident}` says how far the rollback came, and continues from there.",)
        if one and self.way and one.verdict is Verdict.PLANNED and one.plan:
            given = [word for key, value in self.way.parameters.items() for word in ("-p", f"{key}={value}")]
            words = ["rollback", "run", self.way.procedure, "--stack", stack, *given]
            return (f"Roll back: `{shlex.join([*words, '--apply', '--confirm', self.stack.host, '--plan', one.plan])}`.",)
        return (f"See what is wrong: `rollback run triage --stack {stack}`.",)
