"""The run that is to be undone, read from its record."""

import json
import re
from dataclasses import dataclass

from rollback_lib.errors import ParameterError
from rollback_lib.plan.plan import Plan
from rollback_lib.record import proof
from rollback_lib.record.folder import Folder, incidents_root
from rollback_lib.record.history import folder_of, incidents
from rollback_lib.record.verdict import Verdict
from rollback_lib.stack.model import Stack

NAME = "undo"
_HALF = (Verdict.PARTLY, Verdict.UNKNOWN)
_NOTHING = {
    Verdict.PLANNED: "only planned",
    Verdict.NOTHING_TO_DO: "found nothing to do",
    Verdict.RESTORED: "is undone already",
    Verdict.REFUSED: "was refused before it changed anything",
    Verdict.ABORTED: "was stopped before it changed anything",
}


@dataclass(frozen=True)
class Origin:
    """The run to undo: its plan and stack, how it ended, and who opened it when and why. `routes` are the routes that passed before it
    changed anything. `since` are the runs that changed the stack later."""

    plan: Plan
    stack: Stack
    verdict: Verdict
    who: str
    opened: str
    because: str
    routes: tuple[str, ...]
    since: tuple[str, ...]

    @property
    def when(self) -> str:
        """When it was opened, to the minute."""
        return f"{self.opened[:16].replace('T', ' ')} UTC"

    @property
    def half(self) -> bool:
        """Whether the run did not finish, so that the host may be in a state between before and after."""
        return self.verdict in _HALF


def check(stack: Stack, incident: object = "") -> None:
    """Check the parameter before anything is contacted. Raises ParameterError."""
    if not isinstance(incident, str) or not re.fullmatch(r"[\w./~-]+", incident):
        raise ParameterError(f"incident: an id as `rollback incidents list` shows it is expected, not {incident!r}")


def origin(incident: str) -> Origin:
    """The run with this id. Raises ParameterError if there is no such record, if the record does not agree with the chain, or if there is
    nothing to undo."""
    root = incidents_root()
    folder = Folder(folder_of(root, incident))
    proof.check(folder.path, root)
    record, events = folder.record(), folder.events()
    verdict = Verdict(record.get("verdict", Verdict.UNKNOWN))
    file = folder.path / "plan.json"
    if verdict in _NOTHING or not file.exists():
        raise ParameterError(f"{folder.id} {_NOTHING.get(verdict, 'made no plan')}, so there is nothing to undo; choose another record")
    plan = Plan.from_json(file.read_text())
    begun = next((number for number, event in enumerate(events) if event["event"] == "step-begin" and event["touches"]), None)
    if begun is None:
        raise ParameterError(f"{folder.id} changed nothing that serves, so there is nothing to undo; choose another record")
    if not plan.undo:
        raise ParameterError(f"{folder.id} undid a run that had not finished, so there is nothing to redo; make a new plan")
    stack = Stack.load(json.loads((folder.path / "stack.json").read_text()))
    passed = {event["route"]: bool(event["ok"]) for event in events[:begun] if event["event"] == "probe"}
    return Origin(
        plan=plan, stack=stack, verdict=verdict, who=record.get("who", ""), opened=events[0]["at"], because=record.get("because", ""),
        routes=tuple(sorted(name for name, ok in passed.items() if ok)), since=_since(folder.id, stack.name),
    )  # fmt: skip


def _since(incident: str, stack: str) -> tuple[str, ...]:
    """The runs that changed the stack after that incident, newest first, according to the records on this machine."""
    found = []
    for earlier in incidents(incidents_root(), stack=stack):
        if earlier["incident"] == incident:
            break
        if earlier.get("mode") == "apply" and earlier["verdict"] in (Verdict.SUCCEEDED, *_HALF):
            found.append(f"{earlier.get('procedure')} {earlier['incident']}")
    return tuple(found)
