"""All procedures: those of this package and those of other packages. They are found through the same entry-point group."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, TypeVar

from rollback_lib.errors import ParameterError
from rollback_lib.procedures.common.readiness import Readiness
from rollback_lib.procedures.common.triage import Triage
from rollback_lib.procedures.procedure import Procedure
from rollback_lib.stack.model import Stack

GROUP = "rollback.procedures"
_NEVER_APPROVED = ("undo", "triage", "readiness", "mark", "guard")  # an undo is the way back, and the others change nothing that serves
_OURS = "rollback_lib.procedures."
B = TypeVar("B")


_loaded: dict[str, Procedure[Any, Any]] = {}


@cache
def _points() -> tuple[EntryPoint, ...]:
    """All entry points of the group. Python searches every installed package for them, so the result is cached."""
    return tuple(entry_points(group=GROUP))


def _load(point: EntryPoint) -> Procedure[Any, Any]:
    try:
        loaded = point.load()
    except Exception as error:
        raise ParameterError(f"the procedure {point.name} of {point.value} cannot be loaded ({error}); fix or remove it") from None
    if not isinstance(loaded, Procedure) or loaded.name != point.name:
        raise ParameterError(f"{point.value} is no procedure called {point.name}; fix or remove its package")
    return loaded


def procedures() -> dict[str, Procedure[Any, Any]]:
    """All procedures by name, the smallest first. Raises ParameterError for an entry point that is no procedure, or a name that two
    packages use."""
    for point in _points():
        procedure(point.name)
    return {found.name: found for found in sorted(_loaded.values(), key=lambda found: found.size)}


def procedure(name: str) -> Procedure[Any, Any]:
    """The procedure with this name; no other is loaded. Raises ParameterError if there is none, if it cannot be loaded, or if two packages
    use the name."""
    if name in _loaded:
        return _loaded[name]
    found = [point for point in _points() if point.name == name]
    if not found:
        raise ParameterError(f"there is no procedure {name!r}; there are: {', '.join(procedures())}")
    if len(found) > 1:
        raise ParameterError(f"two packages bring a procedure {name!r}; remove one of them")
    return _loaded.setdefault(name, _load(found[0]))


def loaded() -> list[Procedure[Any, Any]]:
    """The procedures that were asked for so far, in that order."""
    return list(_loaded.values())


def triage(of: Procedure[Any, Any]) -> Triage[Any] | None:
    """What a procedure brings to triage; None for nothing. Raises ParameterError if its module cannot be loaded."""
    return _brought(of, of.triage, "TRIAGE", Triage)


def readiness(of: Procedure[Any, Any]) -> Readiness[Any, Any] | None:
    """What a procedure brings to readiness; None for nothing. Raises ParameterError if its module cannot be loaded."""
    return _brought(of, of.readiness, "READINESS", Readiness)


def _brought(of: Procedure[Any, Any], module: str, name: str, kind: type[B]) -> B | None:
    if not module:
        return None
    try:
        found = getattr(import_module(module), name)
    except Exception as error:
        raise ParameterError(
            f"{name} of the procedure {of.name} cannot be loaded from {module} ({error}); fix or remove its package"
        ) from None
    if not isinstance(found, kind):
        raise ParameterError(f"{name} in {module} is no {kind.__name__}; fix the package of the procedure {of.name}")
    return found


def others() -> list[Procedure[Any, Any]]:
    """Those of other packages."""
    return [procedure(point.name) for point in _points() if not point.value.startswith(_OURS)]


@dataclass(frozen=True)
class Part:
    """A part of a stack to which a procedure applies, with the parameters that name it."""

    procedure: Procedure[Any, Any]
    parameters: Mapping[str, str]

    @property
    def name(self) -> str:
        """The values of the parameters, "" if the procedure applies once."""
        return " ".join(self.parameters.values())

    @property
    def label(self) -> str:
        """The procedure and the part, e.g. `database voice`."""
        return f"{self.procedure.name} {self.name}".rstrip()


def of_triage(stack: Stack) -> list[tuple[Part, Triage[Any]]]:
    """The parts at which triage looks, those of the smallest procedure first."""
    found = ((one, triage(one)) for one in procedures().values())
    return [(Part(one, parameters), brought) for one, brought in found if brought for parameters in (brought.parts or one.of)(stack)]


def with_readiness() -> list[tuple[Procedure[Any, Any], Readiness[Any, Any]]]:
    """The procedures that take part in readiness, in order of rank."""
    found = [(one, brought) for one in procedures().values() if (brought := readiness(one))]
    return sorted(found, key=lambda pair: pair[1].rank)


def of_readiness(stack: Stack) -> list[tuple[Part, Readiness[Any, Any]]]:
    """The parts of a stack that readiness examines, in order of rank."""
    return [(Part(one, parameters), brought) for one, brought in with_readiness() for parameters in one.of(stack)]


def check(stack: Stack) -> None:
    """Check the sections of a stack for procedures of other packages, and the procedures that need an approval. Raises ParameterError,
    which names the key and what was expected."""
    if stack.approval:
        known = sorted({point.name for point in _points()} - set(_NEVER_APPROVED))
        for name in stack.approval.procedures:
            if name not in known:
                raise ParameterError(f"approval.for: {name} is no procedure that can need an approval; there are: {', '.join(known)}")
    for name in stack.procedures:
        section = procedure(name).section
        if section is None:
            raise ParameterError(f"procedures.{name}: the procedure {name} has no section there; remove it")
        section.of(stack, name)


def budget(stack: Stack, name: str) -> float:
    """How many seconds the procedure may take on this stack; 0 if it has no budget, as a guard, which lasts as long as it is told to."""
    section = procedure(name).section
    return section.of(stack, name).budget if section else float(getattr(stack.budgets, name, 0.0))


def notebook(name: str) -> Path | None:
    """The notebook of a procedure of another package; None for a procedure of this package."""
    return next((loaded.notebook for loaded in others() if loaded.name == name), None)
