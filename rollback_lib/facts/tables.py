"""What is in a database, of whatever kind: tables, their rows, and who uses it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

COUNTING = 120.0  # seconds for counting the rows of a database; tables that are not counted by then are estimated
LOOKING = 20.0  # the same for a first look, as before a plan
LARGE_OBJECTS = "large objects"  # listed among the tables; it cannot be a table, as their names include the schema


@dataclass(frozen=True)
class Session:
    """A session in a database: the user, the program's name and the address it comes from, "local" for a socket."""

    pid: int
    user: str
    program: str
    address: str


class Kind(StrEnum):
    """The kinds of things that hold rows."""

    TABLE = "table"
    PARTITIONED = "partitioned table"
    VIEW = "materialized view"
    FOREIGN = "foreign table"
    LARGE_OBJECTS = "large objects"


@dataclass(frozen=True)
class Table:
    """A table, or something else that holds rows.

    `rows` is how many: counted if `exact`, else Postgres's estimate, and None if not known. `newest` is the newest past moment in any of
    its date and time columns, and `by` the name of that column. `parent` is the table of which it is a partition, "" if of none.
    A partitioned table has the rows of its partitions. The rows of a foreign table are elsewhere, and are not counted.
    """

    name: str
    rows: int | None
    exact: bool
    columns: tuple[str, ...]
    newest: datetime | None
    by: str
    kind: Kind = Kind.TABLE
    parent: str = ""

    def fewer_than(self, rows: int) -> bool:
        """Whether the table certainly has fewer rows than that. False for an estimate."""
        return self.exact and self.rows is not None and self.rows < rows

    @property
    def words(self) -> str:
        """How many rows there are, in words; an estimate has the sign ≈."""
        if self.kind is Kind.FOREIGN:
            return "rows that lie elsewhere"
        if self.rows is None:
            return "rows that were not counted"
        return f"{'' if self.exact else '≈ '}{self.rows:,}{'' if self.kind is Kind.LARGE_OBJECTS else ' rows'}"


@dataclass(frozen=True)
class Sequence:
    """A sequence, and the last value it gave out; None if it gave none."""

    name: str
    last: int | None


@dataclass(frozen=True)
class Content:
    """What is in a database. `sequences` is None if they could not be read, as while somebody alters one."""

    tables: dict[str, Table]
    sequences: dict[str, Sequence] | None
    extensions: tuple[str, ...]

    @property
    def rows(self) -> int:
        """The rows of all tables, as far as they are known. Rows of partitions count once."""
        return sum(table.rows or 0 for table in self.tables.values() if table.kind in (Kind.TABLE, Kind.VIEW))

    @property
    def exact(self) -> bool:
        """Whether all rows were counted, and none estimated."""
        return all(table.exact for table in self.tables.values())
