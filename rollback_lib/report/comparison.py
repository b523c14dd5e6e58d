"""What differs between two records: the runs, their parameters and plans, the state before and after, the steps, the facts of the host."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from typing import Any

from rollback_lib.errors import ParameterError
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import Step
from rollback_lib.record.folder import Folder
from rollback_lib.record.milestones import milestones
from rollback_lib.record.state import RunState, moment
from rollback_lib.report import summary
from rollback_lib.text import times

# Keys of a record, each with what it is called here.
_RUN = {
    "procedure": "procedure", "stack": "stack", "host": "host", "mode": "mode", "target": "target", "plan": "plan", "who": "who",
    "because": "why it was run", "on_failure": "on_failure", "revert_after": "revert_after", "take_over": "take_over", "budget": "budget",
    "version": "version",
}  # fmt: skip
_OUTCOME = {"verdict": "verdict", "reason": "reason", "changed": "the stack was changed"}
ABSENT = ""  # what stands where one of the records has nothing


@dataclass(frozen=True)
class Difference:
    """What has this name in the first and in the second record, as text; ABSENT where it has nothing. Several lines are those that only
    that record has."""

    name: str
    first: str
    second: str


@dataclass(frozen=True)
class Part:
    """A part of the records: what differs, and how many things are the same. `said` is a sentence if the part could not be compared."""

    title: str
    differences: tuple[Difference, ...]
    same: int
    said: str = ""


@dataclass(frozen=True)
class Comparison:
    """Two records, by the names of their folders, and what differs."""

    first: str
    second: str
    parts: tuple[Part, ...]

    def data(self) -> dict[str, Any]:
        """All of it in types that JSON has."""
        return asdict(self)


def compare(first: Folder, second: Folder) -> Comparison:
    """Compare two records. Either may be one whose run has not ended."""
    sides = _Side(first), _Side(second)
    parts = [
        _part("Run", *(side.run() for side in sides)),
        _part("Parameters", *(side.parameters() for side in sides)),
        _part("Outcome", *(side.outcome() for side in sides)),
        _part("Routes", *(side.routes() for side in sides)),
        _plans(*sides),
        _part("How long each step took, and how far it came", *(side.steps() for side in sides)),
        _part("State before", *(_flat(side.record.get("before", {})) for side in sides)),
        _part("State after", *(side.effects() for side in sides)),
        _part("What the host answered", *(side.facts() for side in sides)),
    ]
    return Comparison(first.path.name, second.path.name, tuple(parts))


class _Side:
    """One of the two records."""

    def __init__(self, folder: Folder) -> None:
        self.record, self.events, self.folder = folder.record(), folder.events(), folder
        self.opened = next((event for event in self.events if event["event"] == "open"), {})

    def run(self) -> dict[str, str]:
        known = {**self.opened, "because": self.opened.get("reason", ""), **self.record}
        opened = {"opened": times.second(moment(self.events[0])) + " UTC"} if self.events else {}
        return opened | {word: _text(known[name]) for name, word in _RUN.items() if known.get(name) not in (None, "")}

    def parameters(self) -> dict[str, str]:
        return _flat(self.opened.get("parameters") or self.record.get("parameters") or {})

    def outcome(self) -> dict[str, str]:
        known = {**milestones(self.events), **self.record}
        told = {word: _text(known[name]) for name, word in _OUTCOME.items() if known.get(name) not in (None, "")}
        for name, word in (("healthy_seconds", "time to healthy"), ("seconds", "whole run")):
            if known.get(name) is not None:
                told[word] = times.exactly(known[name])
        return {**told, "outage": summary.outages(self.events).words}

    def routes(self) -> dict[str, str]:
        """What each route answered first and last."""
        found: dict[str, str] = {}
        probes = [event for event in self.events if event["event"] == "probe"]
        for when, events in (("first", probes), ("last", probes[::-1])):
            for one in events:
                found.setdefault(f"{one['route']}, {when}", f"{one['status'] or 'no answer'} {one['said']}".rstrip())
        return found

    def plan(self) -> Plan | None:
        """Raises ParameterError for the plan of another version."""
        file = self.folder.path / "plan.json"
        return Plan.from_json(file.read_text()) if file.exists() else None

    def steps(self) -> dict[str, str]:
        ran = {attempt.step: attempt for attempt in RunState.of(self.events).ran}
        names = {**self.record.get("steps", {}), **dict.fromkeys(name for name in ran if name not in self.record.get("steps", {}))}
        return {
            name: ", ".join(filter(None, (word or ran[name].words, ran[name].took if name in ran else ""))) for name, word in names.items()
        }

    def effects(self) -> dict[str, str]:
        return {effect["name"]: _text(effect["found"]) for effect in self.record.get("effects", ())}

    def facts(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for event in self.events:
            if event["event"] == "facts":
                for answer in event["answers"]:
                    found |= _flat(answer["found"], " ".join(str(answer["asked"]).split()))
        return found


def _plans(first: _Side, second: _Side) -> Part:
    """Every step by its name, with the commands that only one of the plans has."""
    title = "Plan: steps and commands"
    try:
        plans = first.plan(), second.plan()
    except ParameterError as error:
        return Part(title, (), 0, f"not compared: {error}")
    known = [_commands(plan) if plan else {} for plan in plans]
    found, same = [], 0
    for name in _names(*known):
        before, after = (commands.get(name) for commands in known)
        if before == after:
            same += 1
        else:
            found.append(Difference(name, *_lines(before, after)))
    return Part(title, tuple(found), same)


def _commands(plan: Plan) -> dict[str, list[str]]:
    """The shell lines of each step, also of the undo, without the id of the incident, which differs anyway. A step that is not needed
    says so instead."""
    steps = {**{step.name: step for step in plan.steps}, **{f"undo, {step.name}": step for step in plan.undo}}
    return {name: _shell(step).replace(plan.incident, "INCIDENT").splitlines() for name, step in steps.items()}


def _shell(step: Step) -> str:
    return f"not needed: {step.skip}" if step.skip else "\n".join(command.shell() for command in step.script)


def _lines(before: Sequence[str] | None, after: Sequence[str] | None) -> tuple[str, str]:
    """The lines that only one of them has. A step without commands has a line that says so."""
    one, other = ([] if lines is None else list(lines) or ["no command"] for lines in (before, after))
    blocks = [block for block in SequenceMatcher(None, one, other, autojunk=False).get_opcodes() if block[0] != "equal"]
    return "\n".join(line for _, a, b, _, _ in blocks for line in one[a:b]), "\n".join(line for *_, a, b in blocks for line in other[a:b])


def _part(title: str, first: Mapping[str, str], second: Mapping[str, str]) -> Part:
    pairs = [(name, first.get(name, ABSENT), second.get(name, ABSENT)) for name in _names(first, second)]
    return Part(title, tuple(Difference(*pair) for pair in pairs if pair[1] != pair[2]), sum(one == other for _, one, other in pairs))


def _names(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """The names of both, in the order of the first, then of the second."""
    return list(dict.fromkeys([*first, *second]))


def _flat(value: object, name: str = "") -> dict[str, str]:
    """Every value in a structure, as text, by its path."""
    return dict(_walked(value, name))


def _walked(value: object, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _walked(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for number, item in enumerate(value):
            key = item.get("name", number) if isinstance(item, dict) else number
            yield from _walked(item, f"{name}[{key}]")
    elif value not in (None, "", []):
        yield name, _text(value)


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return "\n".join(map(str, value))
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
