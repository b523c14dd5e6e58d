"""Evidence that a service does not work because of the schema of its database."""

from rollback_lib.facts.host import Unanswered
from rollback_lib.plan.plan import some
from rollback_lib.procedures.common.finding import Finding
from rollback_lib.procedures.common.rows import AMBER, RED, Row
from rollback_lib.procedures.common.stack_state import StackState
from rollback_lib.procedures.common.symptoms import Symptoms
from rollback_lib.procedures.common.triage import Triage
from rollback_lib.procedures.database.look import Look, look
from rollback_lib.text import times


def weigh(one: Finding, database: Look, now: StackState, seen: Symptoms) -> None:
    """The schema of one database."""
    ill = [service for service in seen.ill if _uses(database, service)]
    if not database.reachable:
        state = database.container.state if database.container else "missing"
        where = f"container {database.section.container}: {state}"
        one.add(0, f"its server does not answer ({where}); a backup does not fix that, starting it does")
        return
    if not database.since:
        one.add(0, "no backup says which tables it had")
        return
    if _rows_lost(one, database):
        return
    when, gap = database.since[0]
    same = next((known for known, other in database.since if not other), None)
    if not gap:
        one.add(-2, f"its tables are those of the backup of {times.minute(when)}")
        return
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


def _rows_lost(one: Finding, database: Look) -> bool:
    """Whether most tables that have rows in the newest backup have none now. A single one may be meant to be empty at times."""
    if not database.emptied:
        return False
    most = 2 * len(database.emptied) >= len(database.filled) > 1
    words = f"empty now, and with rows in the backup of {times.minute(database.since[0][0])}: {some(sorted(database.emptied))}"
    one.add(4 if most else 1, words)
    one.stands = True
    return most


def _uses(database: Look, service: str) -> bool:
    """Whether a service uses a database, by its containers in `used_by`; where the stack names none there, any may."""
    named = database.section.used_by
    return not named or any(name == service or f"-{service}-" in name for name in named)


def rows(database: Look | Unanswered) -> list[Row]:
    """The server, where it does not answer."""
    if isinstance(database, Unanswered):
        return []
    if database.emptied:
        said = (
            f"{some(sorted(database.emptied))} {'has' if len(database.emptied) == 1 else 'have'} no rows, and had some in the newest backup"
        )
        look = f"`rollback run database -p database={database.section.name}` shows it table by table"
        return [Row(f"rows of {database.section.name}", AMBER, said, look)]
    if database.reachable:
        return []
    container, state = database.section.container, database.container.state if database.container else "missing"
    said = f"does not answer; container {container} is {state}"
    return [Row(f"database {database.section.name}", RED, said, f"start it: `docker start {container}`, and read its log")]


TRIAGE = Triage(situation="Database migration issue", look=look, weigh=weigh, rows=rows, explains=True)
