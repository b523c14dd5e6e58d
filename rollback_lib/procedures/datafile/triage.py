"""Evidence that a service does not work because of its data file."""

from rollback_lib.facts.host import Unanswered
from rollback_lib.plan.plan import some
from rollback_lib.procedures.common.finding import Finding
from rollback_lib.procedures.common.rows import RED, Row
from rollback_lib.procedures.common.stack_state import StackState
from rollback_lib.procedures.common.symptoms import Symptoms
from rollback_lib.procedures.common.triage import Triage
from rollback_lib.procedures.datafile.state import REDIS, State, document


def weigh(one: Finding, now: State, stack: StackState, seen: Symptoms) -> None:
    """What speaks for a bad data file, and against it."""
    wrong = damage(now)
    ill = sorted({container.service for container in now.users if container.service in seen.ill})
    if wrong:
        one.add(4, wrong, sure=True)
        one.stands = True
    elif now.content and now.content.rows is not None and not sum(now.content.rows.values()) and now.backups:
        one.add(3 if ill else 2, f"{now.section.file} has no rows ({now.content.counted})")
        one.stands = True
    elif now.server and not now.server.keys and now.backups:
        one.add(3 if ill else 2, f"Redis of {now.section.service} has no keys")
        one.stands = True
    elif not ill:
        one.add(-2, f"{now.section.file} can be read, and whoever uses it works")
    elif seen.undefined:
        one.add(2, f"{some(ill)} misses a table or column: {seen.last}")
    else:
        one.add(0, f"{now.section.file} can be read")


def damage(now: State) -> str:
    """What is wrong with the file itself; "" for nothing that is known."""
    place, entry = now.place, now.section
    if place is None or place.closed:
        return ""
    if place.file is None and not (entry.kind == REDIS and (place.append_only or now.server)):
        return f"{place.path} is not there"
    if now.content and now.content.wrong:
        return f"{place.path}: {now.content.wrong}"
    if entry.kind == REDIS and now.server is None and (said := _refuses(now.lines)):
        return f"Redis does not load its files: {said}"
    return ""


def _refuses(lines: list[str]) -> str:
    """The last line in which a Redis says that it cannot load its files; "" if none does."""
    words = ("Bad file format", "RDB CRC error", "Short read or OOM", "Wrong signature", "Internal error in RDB", "Unexpected end of file")
    return next((line.strip()[:160] for line in reversed(lines) if any(word in line for word in words)), "")


def rows(now: State | Unanswered) -> list[Row]:
    """The file, where something is wrong with it."""
    if isinstance(now, Unanswered) or not (wrong := damage(now)):
        return []
    return [Row(f"data file {now.section.name}", RED, wrong, f"`rollback run datafile -p datafile={now.section.name}` shows its backups")]


TRIAGE = Triage(situation="Data file damaged or emptied", look=document, weigh=weigh, rows=rows, explains=True)
