"""The finding about nginx in triage, and its rows in readiness."""

from datetime import UTC, datetime, timedelta

from rollback_lib.facts.host import Unanswered
from rollback_lib.procedures.common.change import Change, Level
from rollback_lib.procedures.common.finding import Finding
from rollback_lib.procedures.common.readiness import Readiness, Seen
from rollback_lib.procedures.common.rows import GREEN, RED, Row
from rollback_lib.procedures.common.stack_state import StackState
from rollback_lib.procedures.common.symptoms import Symptoms
from rollback_lib.procedures.common.triage import Triage
from rollback_nginx.state import NAME, State, document
from rollback_nginx.target import Target

LATELY = timedelta(hours=24)


def weigh(found: Finding, now: State, stack: StackState, seen: Symptoms) -> None:
    """What speaks for a bad nginx.conf, and against it."""
    if now.section.service not in seen.ill:
        found.add(-1, f"{now.section.service} itself works")
        return
    if now.refused:
        found.add(3, f"nginx does not accept the file that is there: {now.refused}", sure=True)
    if known := _known_good(now):
        found.add(-3, f"the file that is there was healthy here: {known}")
    elif now.file and datetime.now(UTC) - now.file.changed < LATELY:
        found.add(3, f"the file changed {now.file.changed:%Y-%m-%d %H:%M} UTC")


def changes(now: State) -> list[Change]:
    """When the file was changed."""
    return [Change(now.file.changed, Level.FILE, "nginx.conf", now.section.file)] if now.file else []


def rows(seen: Seen[State, Target]) -> list[Row]:
    """Whether nginx could be rolled back: now to an earlier version, or after the next change to the present one."""
    now, target = seen.state, seen.target
    if not isinstance(now, Unanswered) and not now.refused and (known := _known_good(now)):
        return [Row(NAME, GREEN, f"the file as it is is kept: {known}; nginx accepts it")]
    if isinstance(now, Unanswered) or isinstance(target, Unanswered):
        why = now.why if isinstance(now, Unanswered) else target.why
        return [Row(NAME, RED, why, "commit a good version of the file")]
    return [Row(NAME, GREEN, f"would go back to {target.name}, {target.why}; nginx accepts it")]


def _known_good(now: State) -> str:
    """What is known of the present file, if it was healthy here; "" otherwise."""
    current = next((version for version in now.versions if version.content == now.content), None)
    return current.verdict if current and current.verdict.startswith("healthy") else ""


TRIAGE = Triage(situation="Bad nginx.conf", look=document, weigh=weigh, changes=changes)
READINESS: Readiness[State, Target] = Readiness(rank=90, rows=rows, state=lambda state: state)
