"""What all procedures that bring a backup back have in common: their parameters, the backups to choose from, and the choice."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from rollback_lib.errors import ParameterError, TargetRefused
from rollback_lib.facts import backups, restores
from rollback_lib.facts.backups import Away, Backup
from rollback_lib.facts.host import Answer, Host
from rollback_lib.procedures.common.rows import AMBER, GREEN, RED
from rollback_lib.procedures.procedure import check_target
from rollback_lib.stack.model import Stack
from rollback_lib.stack.sources import Place
from rollback_lib.text import times

TARGET = re.compile(r"/?[0-9A-Za-z._@+/=:-]{1,250}")
_DAY = 24.0  # hours
_ACCEPTED = (True, "true", False, "false", "")


class Section(Protocol):
    """A section of the stack that says where backups are."""

    @property
    def name(self) -> str: ...


S = TypeVar("S", bound=Section)


@dataclass(frozen=True)
class Candidate:
    """A backup. `verdict` says whether it was restored before; `wrong` says why it cannot be used, "" if nothing is known against it."""

    backup: Backup
    verdict: str
    wrong: str


def check(stack: Stack, sections: Sequence[Section], parameter: str, name: object, target: object, accept_loss: object) -> None:
    """Check the parameters before anything is contacted. `parameter` is called as one of the `sections` is. Raises ParameterError."""
    if not sections:
        raise ParameterError(f"the stack {stack.name} has no section '{parameter}s', so there is nothing to roll back; add one")
    check_target(target, TARGET, "a backup's name or path")
    known = [entry.name for entry in sections]
    if name not in known and (name or len(known) > 1):
        raise ParameterError(f"{parameter}: one of {', '.join(known)} is expected, not {name!r}; name it with `-r {parameter} …`")
    check_acceptance(accept_loss)


def check_acceptance(accept_loss: object) -> None:
    """Check the parameter that accepts what is lost. Raises ParameterError."""
    if accept_loss not in _ACCEPTED:
        raise ParameterError(f"accept_loss: true or false is expected, not {accept_loss!r}")


def named(sections: Sequence[S], name: str) -> S:
    """The section with this name. The name may be empty if there is only one."""
    if not name and len(sections) == 1:
        return sections[0]
    return next(entry for entry in sections if entry.name == name)


@dataclass(frozen=True)
class Listed:
    """The answers of all places where backups are: the files on the host, and the others."""

    files: Answer[list[Backup]]
    others: tuple[Answer[list[Backup] | Away], ...]

    @classmethod
    def ask(cls, host: Host, files: Answer[list[Backup]] | None, sources: Iterable[Place]) -> "Listed":
        return cls(files or Answer.known([]), tuple(host.ask(backups.of_source(place.source)) for place in sources))

    def found(self) -> list[Backup]:
        """The backups of all places, newest first."""
        others = [one for answer in self.others if not isinstance(known := answer.result(), Away) for one in known]
        return sorted([*self.files.result(), *others], key=lambda one: one.changed, reverse=True) if others else self.files.result()

    def away(self) -> tuple[Away, ...]:
        """The places that gave no list."""
        return tuple(known for answer in self.others if isinstance(known := answer.result(), Away))


def restored(known: Iterable[restores.Restore], backup: Backup) -> str:
    """In words, when the backup was restored here before; "" if it never was."""
    when = [restore.when for restore in known if restore.of(backup)]
    return f"restored here {times.minute(max(when))}" if when else ""


def choose(
    candidates: Sequence[Candidate], target: str, where: str, away: Sequence[Away], *, done: str, correct: str
) -> tuple[Backup, str]:  # fmt: skip
    """The backup to go back to, and why. If `target` is empty, this is the newest one that nothing speaks against. `where` are the places,
    and `away` those that gave no list. In the words of an error, a backup can be `done`, and `correct` is the section to correct. Raises
    TargetRefused if there is no such backup, or the named one cannot be used."""
    where += f" ({'; '.join(f'{one.place} gave no list: {one.why}' for one in away)})" if away else ""
    if target:
        found = [one for one in candidates if target == one.backup.path] or [one for one in candidates if target == one.backup.name]
        if not found:
            raise TargetRefused(f"no backup {target!r} is among those of {where}; take one from the list of candidates")
        if len(found) > 1:
            paths = ", ".join(one.backup.path for one in found)
            raise TargetRefused(f"{target!r} names more than one backup; give the whole path: {paths}")
        if found[0].wrong:
            raise TargetRefused(f"{found[0].backup.path} cannot be {done}: {found[0].wrong}; choose another backup")
        return found[0].backup, "named as the target"
    for candidate in candidates:
        if not candidate.wrong:
            return candidate.backup, "the newest backup that nothing speaks against"
    if not candidates:
        raise TargetRefused(f"there is no backup in {where}; correct {correct}, or make one")
    raise TargetRefused(f"none of the {len(candidates)} backups in {where} can be {done}; the list of candidates says why")


def level(fresh: float, hours: float) -> str:
    """The level of a row about the newest backup, so many hours old, where the stack expects one every `fresh` hours."""
    return RED if hours > fresh + _DAY else AMBER if hours > fresh else GREEN


def late(fresh: float, hours: float) -> str:
    """What to do about the age of the newest backup; "" if it is as young as the stack expects."""
    return "" if level(fresh, hours) == GREEN else f"see why no newer one was made: the stack expects one every {fresh:.0f} h"
