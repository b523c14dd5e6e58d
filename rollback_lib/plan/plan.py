"""Step and Plan: everything a rollback would do, as data; rendered as shell, identified by a hash."""

import hashlib
import json
import shlex
from dataclasses import asdict, dataclass, field, replace
from functools import cache, cached_property
from typing import Any, Protocol

from pydantic import JsonValue, TypeAdapter, ValidationError

from rollback_lib.commands.command import ENVIRONMENT, Command, script
from rollback_lib.errors import ParameterError
from rollback_lib.plan.noted import Plain
from rollback_lib.plan.step import Step, When
from rollback_lib.plan.writes import Write

FORMAT = 4  # of a plan in a record: an undo or a resumed run has to understand all of it


class Loss(Protocol):
    """What a person has to accept before a step that loses it: they type `name`; `hash` tells one list from another, `lines` are what
    it says, and `restored` is False where it is only expected so far."""

    @property
    def name(self) -> str: ...
    @property
    def hash(self) -> str: ...
    @property
    def lines(self) -> tuple[str, ...]: ...
    @property
    def restored(self) -> bool: ...


@dataclass(frozen=True)
class Rationale:
    """What a plan rests on: `change` is what it reverts ("" where nobody knows), `target` what is known of where it leads;
    `stable` is True where that was healthy here, False where it was found bad, None where nobody knows."""

    change: str = ""
    target: str = ""
    stable: bool | None = None


@dataclass(frozen=True)
class Plan:
    """A rollback from what is to `target`. `undo` brings back what is now, in order; `cleanup` removes what a refused
    run made beside the stack; `facts` are rows to read, `loses` and `notes` sentences;
    `before` is what undo must find again, `after` what the rollback must have brought about, both as the procedure's own models of
    them (`Noted`) are in JSON; `routes` are those that have to pass
    afterwards, None: all of them; `removes` names the containers whose logs go with them; `drift` says in sentences what the
    containers have and the files do not, which new containers would lose; `writes` are the files and folders it writes to."""

    procedure: str
    incident: str
    stack: str
    host: str
    target: str
    steps: tuple[Step, ...]
    undo: tuple[Step, ...]
    cleanup: tuple[Command, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    loses: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    diff: str = ""
    nothing_to_do: bool = False
    before: Plain = field(default_factory=dict)
    after: Plain = field(default_factory=dict)
    routes: tuple[str, ...] | None = None
    removes: tuple[str, ...] = ()
    rationale: Rationale = Rationale()
    drift: tuple[str, ...] = ()
    writes: tuple[Write, ...] = ()

    def __getattr__(self, name: str) -> Step:
        """The step of that name: `plan.build`."""
        for step in self.__dict__.get("steps", ()):
            if step.name == name:
                return step  # type: ignore[no-any-return]
        raise AttributeError(f"this plan has no step {name!r}")

    @property
    def touches(self) -> bool:
        """Whether any step changes the stack."""
        return any(step.touches and not step.skip for step in self.steps)

    @cached_property
    def hash(self) -> str:
        """12 hex digits that bind all that may run on the host or be put in place there: steps, undo and clean-up with their
        guards, inputs and deadlines. They are the same for the same plan in whichever incident."""
        bound = {
            "host": self.host, "procedure": self.procedure, "target": self.target, "steps": [_bound(one) for one in self.steps],
            "undo": [_bound(one) for one in self.undo], "cleanup": [asdict(one) for one in self.cleanup], "drift": self.drift,
            "routes": self.routes, "removes": self.removes,
        }  # fmt: skip
        text = json.dumps(bound, sort_keys=True).replace(self.incident, "INCIDENT")
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def plain(self) -> dict[str, JsonValue]:
        """The plan as a record keeps it, for a run that is resumed or undone: all but what steps read from their input."""
        sent = {"__all__": {"send"}}
        return {"format": FORMAT, **_on_disk().dump_python(self, mode="json", exclude={"steps": sent, "undo": sent})}

    def json(self) -> str:
        """The text of plan.json."""
        return json.dumps(self.plain(), ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """The plan that `json` wrote. Raises ParameterError for one of another version of this project, and for anything else."""
        try:
            return cls.from_plain(json.loads(text))
        except ValueError as error:
            raise _unreadable(str(error)) from None

    @classmethod
    def from_plain(cls, plain: object) -> "Plan":
        """The plan that `plain` gave. Raises ParameterError as `from_json` does."""
        if not isinstance(plain, dict):
            raise _unreadable("it is no JSON object")
        if plain.get("format") != FORMAT:
            raise ParameterError("the plan in this record is from another version of rollback; undo it by hand with the record's undo.sh")
        try:
            return _on_disk().validate_python({name: value for name, value in plain.items() if name != "format"})
        except ValidationError as error:
            first = error.errors()[0]
            raise _unreadable(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None

    def shell(self) -> str:
        """The plan as a script to run by hand on the host: plan.sh."""
        return _render(f"{self.procedure}: {self.stack} to {self.target}", self.steps)

    def undo_shell(self) -> str:
        """The way back as a script to run by hand on the host: undo.sh."""
        return _render(f"undo of {self.procedure}: {self.stack} to {self.target}", self.undo)


def _unreadable(what: str) -> ParameterError:
    return ParameterError(f"the plan in this record cannot be read ({what}); undo it by hand with the record's undo.sh")


@cache
def _on_disk() -> TypeAdapter[Plan]:
    return TypeAdapter(Plan)


def _bound(step: Step) -> dict[str, Any]:
    """What of a step its plan's hash binds: all but the prose, and the input itself, for which `sent` stands."""
    return {name: value for name, value in asdict(replace(step, send=None)).items() if name not in ("title", "why")}


_ENVIRONMENT = "# git runs no hooks and no file monitor, leaves submodules alone, and works in a tree of another user.\n"


def _render(title: str, steps: tuple[Step, ...]) -> str:
    parts = [f"#!/bin/sh\n# {title}\n\n{_ENVIRONMENT}"]
    parts += [f"export {name}={shlex.quote(value)}\n" for name, value in ENVIRONMENT.items()]
    for step in steps:
        parts.append(f"\n# {step.title}{f' (not needed: {step.skip})' if step.skip else ''}\n")
        if step.sends and not step.skip:
            parts.append(f"# It reads {step.sends} from its standard input.\n")
        if step.when is When.UNHEALTHY:
            parts.append("# Only if the routes do not come back by themselves:\n")
            parts += [f"# {line}\n" for line in script(step.script).splitlines()]
        elif not step.skip:
            parts.append(script(step.script))
    return "".join(parts)


def some(names: "tuple[str, ...] | list[str]", most: int = 5) -> str:
    """The first names, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
