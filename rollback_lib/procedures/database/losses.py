"""What a database rollback loses: a comparison of the live database with the backup, table by table."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from rollback_lib.errors import Refused, TargetRefused
from rollback_lib.facts import copies, engines
from rollback_lib.facts.host import Host
from rollback_lib.facts.tables import LARGE_OBJECTS, Content, Kind, Table
from rollback_lib.plan.plan import Plan
from rollback_lib.procedures.database.noted import After, Before
from rollback_lib.procedures.database.state import State, section
from rollback_lib.procedures.database.target import Target, apart
from rollback_lib.stack.model import Stack


@dataclass(frozen=True)
class TableLoss:
    """A table in two databases. `old` or `new` is None if that database does not have it."""

    table: str
    old: Table | None
    new: Table | None

    @property
    def exact(self) -> bool:
        """Whether the rows were counted on both sides, not estimated."""
        return all(side.exact for side in (self.old, self.new) if side)

    @property
    def same(self) -> bool:
        """Whether number of rows, newest time and columns are the same on both sides. False if rows were only estimated."""
        old, new = self.old, self.new
        if old is None or new is None or not self.exact:
            return False
        return (old.rows, old.newest) == (new.rows, new.newest) and not self.old_columns and not self.new_columns

    @property
    def old_columns(self) -> tuple[str, ...]:
        """The columns that only the old table has."""
        return _without(self.old, self.new)

    @property
    def new_columns(self) -> tuple[str, ...]:
        """The columns that only the new table has."""
        return _without(self.new, self.old)

    @property
    def words(self) -> str:
        """The line about this table in a plan."""
        old, new = (side.words if side else "not there" for side in (self.old, self.new))
        return f"{self.table}: {old} now, {new} in the backup"


@dataclass(frozen=True)
class Losses:
    """The tables of the database `old` compared with those of the database `new`, and whatever else has rows. A person types `name` to
    accept the losses. `restored` is False if nothing is restored yet; `new` is then the backup itself."""

    name: str
    old: str
    new: str
    tables: tuple[TableLoss, ...]
    restored: bool

    @property
    def hash(self) -> str:
        return hashlib.sha256(repr(self).encode()).hexdigest()[:12]

    @property
    def lines(self) -> tuple[str, ...]:
        """What a person accepts: a line for each table that is not known to be the same."""
        counted = (*(one.words for one in self.differ), *(f"{one.words} (estimated)" for one in self.estimated))
        return counted or ("no row: the tables are the same on both sides",)

    @property
    def differ(self) -> tuple[TableLoss, ...]:
        """The counted tables that differ."""
        return tuple(loss for loss in self.tables if not loss.same and loss.exact)

    @property
    def estimated(self) -> tuple[TableLoss, ...]:
        """The tables whose rows were estimated on one side, so that it is not known whether they differ."""
        return tuple(loss for loss in self.tables if not loss.exact)

    @property
    def foreign(self) -> tuple[str, ...]:
        """The foreign tables, whose rows are stored elsewhere."""
        return tuple(loss.table for loss in self.tables if Kind.FOREIGN in {side.kind for side in (loss.old, loss.new) if side})


def losses(host: Host, now: State, target: Target, plan: Plan) -> Losses:
    """Compare the live database with the restored one; or with the backup itself, if nothing is restored yet.

    Raises TargetRefused if the restored database does not have what the backup has, or is a different database. Raises Refused if
    the server does not answer; the restored database then stays.
    """
    live, restored = Before.read(plan.before).database, After.read(plan.after).beside
    if restored not in _databases_or_refused(host, now.stack, plan):
        old = host.ask(now.engine.content(live)).result()
        return Losses(live, live, target.backup.name, read(old or now.content, target), restored=False)
    mine, new = _both(host, now.engine, live, restored, plan)
    for table, rows in target.contents.rows.items():
        there = new.tables.get(table)
        if there is None or there.fewer_than(rows):
            came = there.words if there else "no table"
            raise TargetRefused(f"{target.backup.path} has {rows:,} rows of {table}, and {came} came back; choose another backup")
    if apart(mine.tables, new.tables):
        raise TargetRefused(f"{target.backup.path} has none of the tables of {live}: it is from another database; choose another backup")
    return Losses(live, live, target.backup.name, _compare(mine.tables, new.tables), restored=True)


def weigh(host: Host, stack: Stack, plan: Plan) -> Losses:
    """Compare the live database with the restored one, for a run that resumes a plan. Raises TargetRefused if there is no restored
    database, Refused if the server does not answer."""
    before, after = Before.read(plan.before), After.read(plan.after)
    engine, live, restored = engines.of(section(stack, after.section)), before.database, after.beside
    if restored not in _databases_or_refused(host, stack, plan):
        raise TargetRefused(f"there is no database {restored}: what was restored is gone, so run the procedure again")
    old, new = _both(host, engine, live, restored, plan)
    return Losses(live, live, plan.target, _compare(old.tables, new.tables), restored=True)


def _both(host: Host, engine: engines.Engine, live: str, restored: str, plan: Plan) -> tuple[Content, Content]:
    """The contents of the live and of the restored database. Raises Refused if the server does not give them."""
    asked = host.ask(engine.content(live)), host.ask(engine.content(restored))
    old, new = (answer.result() for answer in asked)
    if old is None or new is None:
        silent = [name for name, content in ((live, old), (restored, new)) if content is None]
        raise Refused(
            f"{engine.name} did not say what is in {' and '.join(silent)}, so nobody can say what is lost; what was restored stays as "
            f"{restored}: look at the server's log, then run `rollback resume {copies.incident_of(plan.incident)}`"
        )
    return old, new


def kept(host: Host, stack: Stack, plan: Plan) -> Losses | str:
    """Compare the database that was live before the swap with the one that is live now. Returns a sentence if that is not possible."""
    before, after = Before.read(plan.before), After.read(plan.after)
    engine, old, live = engines.of(section(stack, after.section)), after.kept, before.database
    if old not in _databases(host, stack, plan):
        return f"There is no database {old}: nothing was swapped."
    asked = host.ask(engine.content(old)), host.ask(engine.content(live))
    was, now = (answer.result() for answer in asked)
    if was is None or now is None:
        return f"{engine.name} did not say what is in {old} and {live}; the old one is kept all the same."
    return Losses(live, old, live, _compare(was.tables, now.tables), restored=True)


def _databases_or_refused(host: Host, stack: Stack, plan: Plan) -> set[str]:
    """The names of the databases on the server. Raises Refused if it does not answer."""
    names = _databases(host, stack, plan)
    if not names:
        after = After.read(plan.after)
        entry = section(stack, after.section)
        raise Refused(
            f"{engines.of(entry).name} in {entry.container} does not answer; what was restored stays as "
            f"{after.beside}: look at its log, then run `rollback resume {copies.incident_of(plan.incident)}`"
        )
    return names


def _databases(host: Host, stack: Stack, plan: Plan) -> set[str]:
    """The names of the databases on the server; none if it does not answer."""
    entry = section(stack, After.read(plan.after).section)
    server = host.ask(engines.of(entry).server()).result()
    return set(server.databases) if server else set()


def read(live: Content | None, target: Target) -> tuple[TableLoss, ...]:
    """Compare the live database with what the backup file says. Empty for a backup in directory format: its tables are only known once
    it is restored."""
    found = target.contents
    if live is None or not found.rows:
        return ()
    # Newest times and columns are not read from a backup; nor are the rows of objects that store none in it.
    rows = {name: Table(name, number, True, (), None, "", _kind(name)) for name, number in found.rows.items()}
    rows |= {name: Table(name, None, kind is Kind.FOREIGN, (), None, "", kind) for name, kind in found.others.items()}
    both = found.others.keys() & live.tables.keys()
    # A backup may hold the rows of all partitions under the name of the partitioned table.
    whole = {name for name, table in live.tables.items() if table.kind is Kind.PARTITIONED and found.rows.get(name)}
    plain = {name: replace(table, columns=(), newest=None, by="") for name, table in live.tables.items()}
    aside = both | {name for name in plain if _within(name, whole, live.tables)}
    for name, table in plain.items():
        if table.kind is Kind.PARTITIONED and name in rows and name not in whole:
            parts = [rows[part].rows or 0 for part in plain if part in rows and _within(part, {name}, live.tables)]
            rows[name] = replace(rows[name], rows=sum(parts))
    return _compare(*({name: table for name, table in side.items() if name not in aside} for side in (plain, rows)))


def _kind(name: str) -> Kind:
    return Kind.LARGE_OBJECTS if name == LARGE_OBJECTS else Kind.TABLE


def _within(name: str, tables: set[str], known: Mapping[str, Table]) -> bool:
    """Whether the table is a partition of one of `tables`, at any depth."""
    parent = known[name].parent if name in known else ""
    return bool(parent) and (parent in tables or _within(parent, tables, known))


def _compare(old: Mapping[str, Table], new: Mapping[str, Table]) -> tuple[TableLoss, ...]:
    """All tables of both sides: first those that differ, then those with estimated rows, then the others."""
    found = [TableLoss(name, old.get(name), new.get(name)) for name in {**old, **new}]
    return tuple(sorted(found, key=lambda loss: (loss.same, not loss.exact, loss.table)))


def _without(table: Table | None, other: Table | None) -> tuple[str, ...]:
    return tuple(sorted(set(table.columns) - set(other.columns))) if table and other else ()
