"""Evidence that a service does not work because of its data file."""

from rollback_lib.facts.datafiles import REDIS
from rollback_lib.facts.host import Unanswered
from rollback_lib.plan.plan import some
from rollback_lib.procedures.common.finding import Finding
from rollback_lib.procedures.common.rows import AMBER, RED, Row
from rollback_lib.procedures.common.stack_state import StackState
from rollback_lib.procedures.common.symptoms import Symptoms
from rollback_lib.procedures.common.triage import Triage
from rollback_lib.procedures.datafile.look import Look, look
from rollback_lib.procedures.datafile.state import State


def weigh(one: Finding, found: Look, stack: StackState, seen: Symptoms) -> None:
    """What speaks for a bad data file, and against it."""
    now = found.now
    wrong = damage(now)
    ill = sorted({container.service for container in now.users if container.service in seen.ill})
    if wrong:
        one.add(4, wrong, sure=True)
        one.stands = True
    elif found.emptied:
        most = 2 * len(found.emptied) >= len(found.filled)
        one.add(4 if most else 1, f"empty now, and with rows in the newest backup: {some(sorted(found.emptied))}")
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


def rows(found: Look | Unanswered) -> list[Row]:
    """The file, where something is wrong with it."""
    if isinstance(found, Unanswered):
        return []
    name = found.now.section.name
    do = f"`rollback run datafile -p datafile={name}` shows its backups"
    if wrong := damage(found.now):
        return [Row(f"data file {name}", RED, wrong, do)]
    if found.emptied:
        return [Row(f"rows of {name}", AMBER, f"none in {some(sorted(found.emptied))}, and some in the newest backup", do)]
    return []


TRIAGE = Triage(situation="Data file damaged or emptied", look=look, weigh=weigh, rows=rows, explains=True)
