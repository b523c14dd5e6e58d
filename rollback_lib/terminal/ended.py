"""A run that has ended, by its record: how it ends on a terminal, and the same for a script."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from rollback_lib.errors import ParameterError
from rollback_lib.plan.plan import Plan
from rollback_lib.record.folder import Folder
from rollback_lib.record.state import RESUMED, RunState
from rollback_lib.record.verdict import NOT_ENDED, Verdict
from rollback_lib.report import summary
from rollback_lib.terminal.line import Line, Tone, table
from rollback_lib.text import times

_TONES = {"good": Tone.GOOD, "info": Tone.PLAIN, "warn": Tone.WARN, "bad": Tone.BAD}
_UNDONE = (Verdict.SUCCEEDED, Verdict.PARTLY, Verdict.UNKNOWN)  # verdicts of runs that `rollback undo` takes, once they changed the stack


class Ended:
    """The record in `folder` of a run that has ended. `seconds` are those of the whole run, where they are known better than by the
    record."""

    def __init__(self, folder: Folder, seconds: float | None = None) -> None:
        self.record = {"verdict": Verdict.UNKNOWN, "reason": NOT_ENDED, **folder.record()}
        self.events = folder.events()
        self._folder = folder
        self._state = RunState.of(self.events)
        self.seconds = float(self.record.get("seconds", 0.0)) if seconds is None else seconds
        self.plan = self._read_plan()

    def _read_plan(self) -> Plan | None:
        try:
            return Plan.from_json((self._folder.path / "plan.json").read_text())
        except (OSError, ParameterError):  # it made none, or another version of this project did
            return None

    @property
    def verdict(self) -> Verdict:
        return Verdict(self.record["verdict"])

    @property
    def error(self) -> str | None:
        """The name of the error that ended it, as in rollback_lib/errors.py, such as Locked; None if none did. A resumed run counts from
        there."""
        ended = [one for one in self.events if one["event"] in ("error", "refused", RESUMED)]
        return ended[-1].get("type") if ended and self.verdict.status else None

    @property
    def sentence(self) -> str:
        """How it ended."""
        return f"{self.verdict}: {self.record['reason']}"

    @property
    def undo(self) -> str | None:
        """The command that plans to undo it; None where there is nothing to undo."""
        there = self._state.touched and self.plan is not None and self.plan.undo and self.verdict in _UNDONE
        return f"rollback undo {self._folder.id}" if there else None

    def lines(self, *, steps: bool = False) -> Iterator[Line]:
        """The verdict, why, how long it took, what is left to do, and how to undo it; `steps`: also how far each step came."""
        yield Line(self.sentence, _TONES[self.verdict.level], self._when())
        budget = self.record.get("budget")
        took = times.against(self.seconds, budget) if budget else times.exactly(self.seconds)
        yield from table([(Tone.QUIET, "time", took), *self._outage(), (Tone.QUIET, "record", str(self._folder.path))])
        if steps:
            yield from table([(Tone.QUIET, name, word) for name, word in self.record.get("steps", {}).items()], depth=2)
        after = tuple(self.record.get("next", ()))
        yield from (Line(f"Next: {one}", Tone.PLAIN) for one in after)
        if self.undo and not any(self.undo in one for one in after):
            yield Line(f"Undo: `{self.undo}`", Tone.PLAIN)

    def _when(self) -> datetime:
        return datetime.fromisoformat(self.record["written"]) if "written" in self.record else datetime.now(UTC)

    def _outage(self) -> list[tuple[Tone, str, str]]:
        found = summary.outages(self.events)
        return [(Tone.QUIET, "outage", found.words)] if found.asked else []

    def data(self) -> dict[str, Any]:
        """The same for a script; docs/terminal.md says what each key means."""
        plan, told = self.plan, self.record.get("found", {})
        return {
            "verdict": self.verdict, "status": self.verdict.status, "reason": self.record["reason"], "error": self.error,
            "incident": self._folder.id, "folder": str(self._folder.path),
            "seconds": self.seconds, "budget": self.record.get("budget"),
            "plan": plan.hash if plan else None, "target": plan.target if plan else None, "steps": self._steps(),
            "losses": list(plan.loses) if plan else [], "findings": [*told.get("findings", ()), *told.get("rows", ())],
            "checklist": [_point(one) for one in summary.checklist(self.events) if not one["answered"]],
            "next": list(self.record.get("next", ())), "undo": self.undo,
        }  # fmt: skip

    def _steps(self) -> list[dict[str, Any]]:
        took = {event["step"]: event.get("seconds") for event in self.events if event["event"] == "step-end"}
        return [{"name": name, "state": word, "seconds": took.get(name)} for name, word in self.record.get("steps", {}).items()]


def _point(one: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": one["name"], "question": one["question"], "answer": one["answer"], "required": one.get("required", False)}
