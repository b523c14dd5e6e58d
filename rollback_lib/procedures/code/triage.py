"""How triage weighs a bad code deploy."""

from rollback_lib.facts.host import Unanswered
from rollback_lib.facts.releases import Release
from rollback_lib.plan.plan import some
from rollback_lib.procedures.code import evidence
from rollback_lib.procedures.code.look import Look, from_registry, look
from rollback_lib.procedures.code.rationale import change
from rollback_lib.procedures.code.state import State, older
from rollback_lib.procedures.common.age import by_age
from rollback_lib.procedures.common.change import Change, Level
from rollback_lib.procedures.common.finding import Finding
from rollback_lib.procedures.common.rows import AMBER, Row
from rollback_lib.procedures.common.stack_state import StackState
from rollback_lib.procedures.common.symptoms import Symptoms
from rollback_lib.procedures.common.triage import Triage
from rollback_lib.procedures.database.look import Look as Database
from rollback_lib.text import times


def weigh(one: Finding, found: Look, now: StackState, seen: Symptoms) -> None:
    """Weigh the code. If the service's image comes from a registry, this is the finding of the image instead."""
    if from_registry(found.state):
        one.procedure, one.situation = "image", "Bad image deploy"
    elif found.target:
        one.parameters = {"target": found.target}
    names = [mine.service for mine in found.state.services]
    service = next((name for name in names if name in seen.ill), "")
    if not service:
        one.add(-1, f"{some(names)} itself works" if len(names) == 1 else f"{some(names)} work themselves")
        return
    if not _arrival(one, now, found):
        return
    evidence.of_words(one, now, seen, service)
    if found.migrations:
        one.warnings.append(
            f"between the target and what runs the tree changes {some(list(found.migrations))}: the older code may not know that schema"
        )
    one.warnings += _newer_schemas(now)


def changes(found: Look) -> list[Change]:
    """The last deploys, the image that came, and the last release that was healthy."""
    state = found.state
    said = [
        Change(move.when, Level.TREE, "deploy", f"{move.commit.short} {move.commit.subject} ({move.action})") for move in state.reflog[:3]
    ]
    if found.image:
        said.append(Change(found.image, Level.IMAGE, "image", f"the image that {state.main.service} runs came to the host"))
    good = [one for one in state.releases if one.healthy]
    return said + [Change(one.when, Level.PROVEN, "known good", f"{one.commit[:7]} was healthy here") for one in good[-1:]]


def rows(found: Look | Unanswered) -> list[Row]:
    """A row for a release that was found bad, since its routes may pass all the same."""
    if isinstance(found, Unanswered) or not (last := _last_word(found.state)) or last.healthy:
        return []
    what = last.commit[:7] or f"the image {last.image[7:19]}"
    said = f"{found.state.main.service} runs {what}, which was found bad here {times.minute(last.when)} ({last.incident})"
    way = "image" if from_registry(found.state) else "code"
    return [Row("release", AMBER, said, f"look with `rollback run {way}`; or, if it is well by now, `rollback mark`")]


def _newer_schemas(now: StackState) -> list[str]:
    found = []
    for database in now.every(Database):
        if database.since and database.since[0][1]:
            when, gap = database.since[0]
            found.append(
                f"the schema of {database.section.name} is newer than its backup of {times.minute(when)} ({gap.words}): "
                "code from before that meets a schema newer than itself"
            )
    return found


def _last_word(now: State) -> Release | None:
    """The last line of the ledger about what the service runs: about its commit, or about its image if that is of no commit."""
    image = now.container.image if now.container else ""
    mine = [one for one in now.releases if (one.commit == now.running if one.commit else one.image == image)]
    return mine[-1] if mine else None


def _arrival(one: Finding, now: StackState, found: Look) -> bool:
    """What the arrival of the code says; whether it may be what is at fault."""
    state, came = found.state, found.arrived
    last = _last_word(state)
    if last and last.healthy:
        one.add(-4, f"the commit that runs was healthy here {times.minute(last.when)}")
        return False
    if last:
        one.add(2, f"the commit that runs was found bad here before ({last.incident})", sure=True)
    if came is None or state.container is None:
        one.add(0, "when it was deployed is not known")
        return True
    if found.image and older(found.image, came):
        one.add(-4, f"the image that runs was here {times.minute(found.image)} already, so it was not built from the commit that came")
        return False
    one.add(*by_age(came, f"what runs came here: {change(state) or came.isoformat()}"))
    evidence.of_arrival(one, now, came, state.container.created)
    return True


TRIAGE = Triage(situation="Bad code deploy", look=look, weigh=weigh, changes=changes, rows=rows, explains=True, suspects=True)
