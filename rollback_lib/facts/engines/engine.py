"""A database server in a container, of whatever kind: the questions that a rollback has about it and about its backups."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from rollback_lib.commands.command import Command
from rollback_lib.facts.backups import Backup, Contents
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.schema import Schema
from rollback_lib.facts.tables import COUNTING, Content, Session
from rollback_lib.secrets.secret import Key


class Database(Protocol):
    """A database as its server describes it. `oid` is the number by which it is known again after the swap, whatever it is called then.
    `size` is in bytes."""

    @property
    def name(self) -> str: ...
    @property
    def oid(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def sessions(self) -> tuple[Session, ...]: ...
    def properties(self, key: Key) -> dict[str, str]:
        """The properties that a database in its place must have as well, as text to compare and show. `key` makes hashes of secrets."""


class Server(Protocol):
    """A server: whether the database user may do everything, its databases by name, and its kind and version in words."""

    @property
    def superuser(self) -> bool: ...
    @property
    def databases(self) -> Mapping[str, Database]: ...
    @property
    def title(self) -> str: ...


@dataclass(frozen=True)
class Engine(ABC):
    """The server of a database of the stack: its `container`, the database's `user`, and the name of the `database` there."""

    container: str
    user: str
    database: str
    name: ClassVar[str]  # what people call this kind

    @abstractmethod
    def server(self) -> Fact[Server | None]:
        """The server and all its databases; None if it does not answer."""

    @abstractmethod
    def outline(self, database: str) -> Fact[Content | None]:
        """The tables of a database with estimated rows; None if it cannot be asked."""

    @abstractmethod
    def content(self, database: str, *, within: float = COUNTING) -> Fact[Content | None]:
        """The same with the rows counted, as far as that is possible `within` so many seconds."""

    @abstractmethod
    def empty(self, database: str) -> Fact[frozenset[str]]:
        """The tables of a database that certainly have no row."""

    @abstractmethod
    def columns(self, database: str) -> Command:
        """A command that prints the tables and columns of a database in an order that does not change."""

    @abstractmethod
    def free_space(self) -> Fact[int | None]:
        """The free bytes where the server keeps its data; None if that cannot be known."""

    @abstractmethod
    def client_version(self) -> Fact[str]:
        """The version of the client in the container; `0` if it has none."""

    @abstractmethod
    def contents(self, backup: Backup) -> Fact[Contents]:
        """The contents of a backup, found by reading all of it."""

    @abstractmethod
    def schemas(self, pattern: str) -> Fact[list[Schema]]:
        """The tables and columns in the newest backups whose path matches a shell pattern, newest first."""
