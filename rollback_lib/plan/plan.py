"""Plan: everything that a rollback would do, as data. It can be written as a shell script or as JSON, and is identified by a hash."""

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

FORMAT = 4  # the version of plan.json; an undo or a resumed run must understand all of the plan


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
    """Why a plan is right, in sentences for the checklist.

    `change` is the change that it reverts, "" if not known. `target` is what is known about its target. `stable` is True if the target was
    healthy on this host, False if it was found bad, None if not known.
    """

    change: str = ""
    target: str = ""
    stable: bool | None = None


@dataclass(frozen=True)
class Plan:
    """A rollback from the present state to `target`.

    `steps` do it; the steps of `undo` bring the present state back. `cleanup` removes what a refused run made beside the stack.
    `facts` (names and values), `loses` and `notes` (sentences) and `diff` are for people to read. `before` is the state that an undo
    must find again, and `after` the state that the rollback must bring about; both are `Noted` models of the procedure as JSON.
    `routes` are those that must pass afterwards, None for all. `removes` names the containers that are removed, and their logs with them.
    `drift` says in sentences what containers have and no file gives, which new containers would lose. `writes` are the files and
    folders that the plan writes to.
    """

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
        """The step of that name, as in `plan.build`. Raises AttributeError if there is none."""
        for step in self.__dict__.get("steps", ()):
            if step.name == name:
                return step  # type: ignore[no-any-return]
        raise AttributeError(f"this plan has no step {name!r}")

    @property
    def touches(self) -> bool:
        """Whether any step changes the stack."""
        return any(step.touches and not step.skip for step in self.steps)

    @property
    def costs_data(self) -> bool:
        """Whether any step loses data. Then nothing is changed before the list of what is lost was accepted."""
        return any(step.loses and not step.skip for step in self.steps)

    @property
    def hash(self) -> str:
        """The first 12 digits of `digest`, by which people name a plan."""
        return self.digest[:12]

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of all that may run on the host or be written there, 64 hex digits: steps, undo and clean-up, with their guards,
        inputs and deadlines. The same plan has the same digest in every incident."""
        bound = {
            "host": self.host, "procedure": self.procedure, "target": self.target, "steps": [_bound(step) for step in self.steps],
            "undo": [_bound(step) for step in self.undo], "cleanup": [asdict(command) for command in self.cleanup], "drift": self.drift,
            "routes": self.routes, "removes": self.removes,
        }  # fmt: skip
        text = json.dumps(bound, sort_keys=True).replace(self.incident, "INCIDENT")
        return hashlib.sha256(text.encode()).hexdigest()

    def plain(self) -> dict[str, JsonValue]:
        """The plan as a record keeps it, to resume or undo the run. The inputs of steps (`send`) are left out."""
        sent = {"__all__": {"send"}}
        return {"format": FORMAT, **_on_disk().dump_python(self, mode="json", exclude={"steps": sent, "undo": sent})}

    def json(self) -> str:
        """The text of plan.json."""
        return json.dumps(self.plain(), ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """Read the text that `json` wrote. Raises ParameterError for a plan of another version, and for any other text."""
        try:
            return cls.from_plain(json.loads(text))
        except ValueError as error:
            raise _unreadable(str(error)) from None

    @classmethod
    def from_plain(cls, plain: object) -> "Plan":
        """Read the data that `plain` returned. Raises ParameterError as `from_json` does."""
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
        """The steps as a script that can be run by hand on the host: the text of plan.sh."""
        return _render(f"{self.procedure}: {self.stack} to {self.target}", self.steps)

    def undo_shell(self) -> str:
        """The undo as a script that can be run by hand on the host: the text of undo.sh."""
        return _render(f"undo of {self.procedure}: {self.stack} to {self.target}", self.undo)


def _unreadable(what: str) -> ParameterError:
    return ParameterError(f"the plan in this record cannot be read ({what}); undo it by hand with the record's undo.sh")


@cache
def _on_disk() -> TypeAdapter[Plan]:
    return TypeAdapter(Plan)


def _bound(step: Step) -> dict[str, Any]:
    """The part of a step that goes into the plan's hash: all but its title, its reason and its input. `sent` stands for the input."""
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
    """The first `most` names, and how many more there are, in words."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
