"""What came of one stack, as the record of its run says it."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from rollback_lib.record.verdict import Verdict


class Kind(StrEnum):
    """What came of a stack, in the words of the fleet page."""

    PLANNED = "planned"
    NOTHING = "nothing to do"
    LOOKED = "looked"
    READY = "ready"
    DONE = "done"
    UNDONE = "undone"
    LOCKED = "locked"
    DRIFTED = "drifted"
    UNREACHABLE = "unreachable"
    WAITS = "not approved"
    REFUSED = "refused"
    NOT_READY = "not ready"
    RESTORED = "failed and restored"
    PARTLY = "failed and partly changed"
    UNKNOWN = "not known"


_OF_ERROR = {
    "Locked": Kind.LOCKED, "Drifted": Kind.DRIFTED, "ConnectionRefused": Kind.UNREACHABLE, "NotApproved": Kind.WAITS,
}  # fmt: skip
_OF_STATUS = {2: Kind.REFUSED, 3: Kind.REFUSED, 4: Kind.RESTORED, 5: Kind.PARTLY, 6: Kind.UNKNOWN, 7: Kind.NOT_READY}
_OF_VERDICT = {
    Verdict.PLANNED: Kind.PLANNED, Verdict.NOTHING_TO_DO: Kind.NOTHING, Verdict.LOOKED: Kind.LOOKED, Verdict.READY: Kind.READY,
}  # fmt: skip
_BUILT = re.compile(r"sha256:[0-9a-f]{64}")  # each host builds its own images


@dataclass(frozen=True)
class Outcome:
    """How a run of a stack ended: what `rollback … --json` prints. `stack` is the file by which it was asked for, `name` its name.

    `shell` is the plan as commands, "" if there is none; it holds no secret. `findings` are what triage or readiness found. All values have
    types that JSON has.
    """

    stack: str
    name: str = ""
    host: str = ""
    procedure: str = ""
    verdict: str = Verdict.UNKNOWN
    status: int = 6
    reason: str = ""
    error: str | None = None
    incident: str = ""
    folder: str = ""
    plan: str | None = None
    target: str | None = None
    seconds: float = 0.0
    steps: tuple[Mapping[str, Any], ...] = ()
    losses: tuple[str, ...] = ()
    findings: tuple[Mapping[str, Any], ...] = ()
    undo: str | None = None
    shell: str = ""

    @classmethod
    def of(cls, answer: Mapping[str, Any], **more: Any) -> Self:
        """The outcome in an answer; what else it says is left out."""
        known = {field.name for field in fields(cls)}
        said = {key: value for key, value in {**answer, **more}.items() if key in known}
        given: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in said.items()}
        return cls(**given)

    def plain(self) -> dict[str, Any]:
        """The same in types that JSON has."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @property
    def kind(self) -> Kind:
        """What came of it. A host that is locked, drifted or cannot be reached is told apart from one that refuses."""
        if self.status == 3 and self.error in _OF_ERROR:
            return _OF_ERROR[self.error]
        if self.status:
            return _OF_STATUS.get(self.status, Kind.UNKNOWN)
        if self.verdict == Verdict.PLANNED and self.steps and all(step["state"] == "not needed" for step in self.steps):
            return Kind.NOTHING
        return _OF_VERDICT.get(Verdict(self.verdict), Kind.UNDONE if self.procedure == "undo" else Kind.DONE)

    @property
    def failed(self) -> bool:
        """Whether it counts as a failure of the fleet."""
        return self.status != 0

    @property
    def comparable(self) -> str:
        """The commands of the plan without what differs from stack to stack by nature: its incident, the name of the stack, and the ids of
        images that are built there."""
        own = {self.incident: "INCIDENT", self.name: "STACK"}
        words = "|".join(rf"\b{re.escape(word)}\b" for word in own if word)
        shell = re.sub(words, lambda found: own[found[0]], self.shell) if words else self.shell
        return _BUILT.sub("sha256:…", shell)


def plan_in(folder: str) -> str:
    """The plan in the folder of a record, as commands; "" if it has none."""
    file = Path(folder) / "plan.sh"
    return file.read_text() if folder and file.exists() else ""
