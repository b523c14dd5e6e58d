"""What a rollback of a database loses: table by table, what is live against what the backup has."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rollback_lib.errors import TargetRefused
from rollback_lib.facts import postgres
from rollback_lib.facts.fact import Dialogue
from rollback_lib.facts.postgres import Content, Table
from rollback_lib.plan import Plan
from rollback_lib.procedures.database.state import State, maintenance, section, server_of
from rollback_lib.procedures.database.target import Target
from rollback_lib.stack import Stack


@dataclass(frozen=True)
class TableLoss:
    """A table on both sides: rows (None: it is not there), whether both were counted, the newest moments, and the columns
    that only one side has."""

    table: str
    old: int | None
    new: int | None
    exact: bool
    old_newest: datetime | None
    new_newest: datetime | None
    by: str
    old_columns: tuple[str, ...]
    new_columns: tuple[str, ...]

    @property
    def same(self) -> bool:
        return self.old == self.new and self.old_newest == self.new_newest and not self.old_columns and not self.new_columns

    @property
    def words(self) -> str:
        """The line of it in a plan."""
        old, new = ("not there" if rows is None else f"{rows:,} rows" for rows in (self.old, self.new))
        return f"{self.table}: {old} now, {new} in the backup"


@dataclass(frozen=True)
class Losses:
    """The tables of the database `old` against those of `new`. `name` is what a person types to accept them; `restored` is
    False where they are only read from the backup."""

    name: str
    old: str
    new: str
    tables: tuple[TableLoss, ...]
    restored: bool

    @property
    def hash(self) -> str:
        return hashlib.sha256(repr(self).encode()).hexdigest()[:12]


def losses(now: State, target: Target, plan: Plan) -> Dialogue[Losses]:
    """What is live against what was restored beside it, or, where nothing was restored yet, against what the backup says.

    Raises TargetRefused when the backup did not come out as it is written.
    """
    live, restored = plan.before["database"], plan.after["beside"]
    questions = {"live": postgres.content(now.access, live)}
    if restored in (yield from _databases(now.stack, plan)):
        questions["restored"] = postgres.content(now.access, restored)
    found = yield questions
    old: Content | None = found["live"]
    new: Content | None = found.get("restored")
    if new is None:
        return Losses(live, live, target.backup.name, read(old or now.content, target), restored=False)
    if old is None:
        raise TargetRefused(f"the tables of {live} could not be counted, so nobody can say what is lost; look at the log of its server")
    for table, rows in target.contents.rows.items():
        there = new.tables.get(table)
        if there is None or (there.exact and there.rows < rows):
            came = f"{there.rows:,}" if there else "no table"
            raise TargetRefused(f"{target.backup.path} has {rows:,} rows of {table}, restored came {came}; choose another backup")
    if old.tables and new.tables and not set(old.tables) & set(new.tables):
        raise TargetRefused(f"{target.backup.path} has none of the tables of {live}: it is of another database; choose another backup")
    return Losses(live, live, target.backup.name, _compare(old.tables, new.tables), restored=True)


def weigh(stack: Stack, plan: Plan) -> Dialogue[Losses]:
    """What is live against what was restored beside it, for a run that goes on with a plan. Raises TargetRefused where nothing
    was restored."""
    server, live, restored = server_of(section(stack, plan.after["section"])), plan.before["database"], plan.after["beside"]
    if restored not in (yield from _databases(stack, plan)):
        raise TargetRefused(f"there is no database {restored}: what was restored is gone, so run the procedure anew")
    found = yield {"live": postgres.content(server, live), "restored": postgres.content(server, restored)}
    if found["live"] is None or found["restored"] is None:
        raise TargetRefused(f"the tables of {live} and {restored} could not be counted, so nobody can say what is lost")
    return Losses(live, live, plan.target, _compare(found["live"].tables, found["restored"].tables), restored=True)


def kept(stack: Stack, plan: Plan) -> Dialogue[Losses | str]:
    """What the database that was swapped away holds, against the one that is live now."""
    one = section(stack, plan.after["section"])
    server, old, live = server_of(one), plan.after["kept"], plan.before["database"]
    if old not in (yield from _databases(stack, plan)):
        return f"There is no database {old}: nothing was swapped."
    found = yield {"old": postgres.content(server, old), "live": postgres.content(server, live)}
    return Losses(live, old, live, _compare(found["old"].tables, found["live"].tables), restored=True)


def _databases(stack: Stack, plan: Plan) -> Dialogue[set[str]]:
    one = section(stack, plan.after["section"])
    server: postgres.Server | None = (yield {"server": postgres.server(server_of(one), maintenance(one))})["server"]
    return set(server.databases) if server else set()


def read(live: Content | None, target: Target) -> tuple[TableLoss, ...]:
    """What the backup itself says; nothing of a directory, whose tables are known once it is restored."""
    rows = {name: Table(name, number, True, (), None, "") for name, number in target.contents.rows.items()}
    if live is None or not rows:
        return ()
    # Moments and columns are not read from a backup.
    plain = {name: Table(name, table.rows, table.exact, (), None, "") for name, table in live.tables.items()}
    return _compare(plain, rows)


def _compare(old: Mapping[str, Table], new: Mapping[str, Table]) -> tuple[TableLoss, ...]:
    """Tables that differ first."""
    found = [_table(name, old.get(name), new.get(name)) for name in {**old, **new}]
    return tuple(sorted(found, key=lambda one: (one.same, one.table)))


def _table(name: str, old: Table | None, new: Table | None) -> TableLoss:
    before, after = (set(one.columns) if one else set() for one in (old, new))
    both = old is not None and new is not None
    one = old or new
    assert one is not None
    return TableLoss(
        table=name, old=old.rows if old else None, new=new.rows if new else None,
        exact=all(one.exact for one in (old, new) if one),
        old_newest=old.newest if old else None, new_newest=new.newest if new else None, by=one.by,
        old_columns=tuple(sorted(before - after)) if both else (), new_columns=tuple(sorted(after - before)) if both else (),
    )  # fmt: skip
