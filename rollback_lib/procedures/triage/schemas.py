"""Evidence that a service does not work because of the schema of its database."""

from rollback_lib.facts.host import Unanswered
from rollback_lib.plan.plan import some
from rollback_lib.procedures.common.finding import Finding
from rollback_lib.procedures.triage.state import Databases, State
from rollback_lib.procedures.triage.symptoms import Symptoms
from rollback_lib.text import times


def databases(now: State, seen: Symptoms) -> list[Finding]:
    """One finding for each database."""
    return [_database(now, seen, name, one) for name, one in now.databases.items()]


def _database(now: State, seen: Symptoms, name: str, database: Databases | Unanswered) -> Finding:
    one = Finding("database", f"Database migration issue ({name})", {"database": name})
    if isinstance(database, Unanswered):
        one.add(0, f"not known: {database.why}")
        return one
    ill = [service for service in seen.ill if _uses(database, service)]
    if not database.reachable:
        state = database.container.state if database.container else "missing"
        where = f"container {database.section.container}: {state}"
        one.add(0, f"its server does not answer ({where}); a backup does not fix that, starting it does")
        return one
    if not database.since:
        one.add(0, "no backup says which tables it had")
        return one
    when, gap = database.since[0]
    same = next((known for known, other in database.since if not other), None)
    if not gap:
        one.add(-2, f"its tables are those of the backup of {times.minute(when)}")
        return one
    between = f", and was still as in that of {times.minute(same)}" if same else ""
    words = f"its schema has changed since the backup of {times.minute(when)}{between}: {gap.words}"
    if not ill:
        one.add(0, f"{words}; but every service that uses it works")
    elif gap.gone:
        one.add(3, words)
    else:
        one.add(1, words)
    if ill and seen.undefined:
        one.add(2, f"{some(ill)} misses a table or column: {seen.last}", sure=bool(gap.gone))
    return one


def _uses(database: Databases, service: str) -> bool:
    """Whether a service uses a database, according to `used_by` in the stack file. If that names no container, any service may."""
    named = database.section.used_by
    return not named or any(name == service or f"-{service}-" in name for name in named)
