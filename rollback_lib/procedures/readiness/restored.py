"""The content of the restored backups, counted before they are dropped."""

from dataclasses import dataclass

from rollback_lib.facts import postgres
from rollback_lib.facts.host import Host, Unanswered
from rollback_lib.plan.plan import Plan, some
from rollback_lib.procedures import database
from rollback_lib.procedures.readiness.noted import After
from rollback_lib.procedures.readiness.state import State, Target


@dataclass(frozen=True)
class Restored:
    """For each database: the number of restored tables (None if nothing was restored), the number of rows in words, since some may be
    estimated, and what is missing compared with the backup."""

    tables: dict[str, int | None]
    rows: dict[str, str]
    missing: dict[str, str]


def restored(host: Host, now: State, target: Target, plan: Plan) -> Restored:
    """Count what was restored, and compare it with what the backup contains."""
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
