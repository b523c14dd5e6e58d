"""What came of the backups that were restored beside their databases, counted before they are dropped."""

from dataclasses import dataclass

from rollback_lib.facts import postgres
from rollback_lib.facts.host import Host, Unanswered
from rollback_lib.plan.plan import Plan, some
from rollback_lib.procedures import database
from rollback_lib.procedures.readiness.noted import After
from rollback_lib.procedures.readiness.state import State, Target


@dataclass(frozen=True)
class Restored:
    """By database: tables and rows that came back (None: nothing was restored), and what is missing of the backup; rows are words,
    as some may be estimated."""

    tables: dict[str, int | None]
    rows: dict[str, str]
    missing: dict[str, str]


def restored(host: Host, now: State, target: Target, plan: Plan) -> Restored:
    """Count what was restored, against what the backup says of itself."""
    beside = After.read(plan.after).restored
    names = [name for name in target.databases if name in beside]
    sections = {name: database.section(now.stack, name) for name in names}
    found = {name: host.ask(postgres.content(database.server_of(one), beside[name])) for name, one in sections.items()}
    tables: dict[str, int | None] = {}
    rows, missing = {}, {}
    for name in names:
        content = found[name].result()
        wanted = target.databases[name]
        tables[name] = len(content.tables) if content else None
        rows[name] = f"{'' if content.exact else '≈ '}{content.rows:,} rows" if content else "no rows"
        if content and not isinstance(wanted, Unanswered):
            short = [
                table for table, count in wanted.contents.rows.items()
                if table not in content.tables or content.tables[table].fewer_than(count)
            ]  # fmt: skip
            missing[name] = some(sorted(short)) if short else ""
    return Restored(tables, rows, missing)
