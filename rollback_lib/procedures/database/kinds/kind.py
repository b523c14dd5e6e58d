"""A kind of database: what is run to restore a backup beside a live database, to swap the two, and to swap them back."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from rollback_lib.commands.command import Command
from rollback_lib.facts.backups import Backup, Contents
from rollback_lib.facts.engines import Database, Engine
from rollback_lib.facts.tables import Content
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.plan import some
from rollback_lib.procedures.database.state import State
from rollback_lib.stack import model

NAMES = "names"  # the part of the host that steps and effects name: which database has which name


@dataclass(frozen=True)
class Names:
    """What is called how: the `live` database, the one that is restored beside it, and what the live one is called after the swap. `oid`
    is the file on the host in which the incident keeps the oid of the restored one."""

    live: str
    restored: str
    kept: str
    oid: str


@dataclass(frozen=True)
class Kind(ABC):
    """A kind of database, at one database of the stack. It only writes commands; what it asks is in facts/engines."""

    section: model.Database

    @property
    @abstractmethod
    def engine(self) -> Engine:
        """The server, as it is asked."""

    @property
    def name(self) -> str:
        """What people call this kind."""
        return self.engine.name

    @abstractmethod
    def usable(self, now: State) -> Database:
        """The live database. Raises Refused if it cannot be replaced."""

    @abstractmethod
    def unfit(self, now: State, backup: Backup) -> str:
        """Why a backup cannot be restored into this server; "" if nothing is known against it."""

    @abstractmethod
    def create(self, now: State, backup: Backup, names: Names, incident: str) -> tuple[Command, ...]:
        """The commands that make a new, empty database."""

    @abstractmethod
    def restore(self, now: State, backup: Backup, names: Names, incident: str) -> Command:
        """The command that restores the backup into it, and stops at the first error."""

    @abstractmethod
    def prepare(self, now: State, backup: Backup, names: Names, incident: str) -> tuple[Command, ...]:
        """The commands that give it what no dump has, and enter its oid in a file."""

    @abstractmethod
    def swap(self, *, live: str, aside: str, incoming: str, needed: bool = True) -> Command:
        """The command that makes `live` known as `aside` and `incoming` as `live`, both or neither. If that was done already, it only
        makes sure of it; so it does without `needed`, if there is no database `incoming`."""

    @abstractmethod
    def numbers(self, there: str, here: str) -> Command:
        """The command that moves what gives out numbers in the database `here` at least as far as in `there`."""

    @abstractmethod
    def drop(self, name: str) -> Command:
        """The command that drops a database, if there is one of that name."""

    @abstractmethod
    def clear(self, incident: str) -> tuple[Command, ...]:
        """The commands that remove whatever else a restore may have left."""

    @property
    @abstractmethod
    def preparing(self) -> str:
        """What happens when the restored one is made like the live one."""

    @property
    @abstractmethod
    def swapping(self) -> tuple[str, str]:
        """Title of the step that swaps, and what happens in it."""

    @abstractmethod
    def dropping(self, name: str) -> str:
        """How a person drops a database on the host."""

    def effects(self, was: Content, now: Content) -> Iterator[Effect]:
        """What else the database that is live now must have, compared with the one that was."""
        yield Effect("sequences that would give a number out twice", "none", _twice(was, now), part=NAMES)

    @abstractmethod
    def notes(self, now: State, backup: Backup, contents: Contents) -> Iterator[str]:
        """What else is to be known before."""


def _twice(was: Content, now: Content) -> str:
    """In words, the sequences that are behind those of the earlier database, and so would give a number out twice."""
    old, new = was.sequences, now.sequences
    if old is None or new is None:
        return "not known: somebody held one of them"
    return some([key for key, sequence in old.items() if key in new and _behind(new[key].last, sequence.last)]) or "none"


def _behind(value: int | None, kept: int | None) -> bool:
    return kept is not None and (value is None or value < kept)
