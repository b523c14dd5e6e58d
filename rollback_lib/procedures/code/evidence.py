"""Evidence for a fault in the code of a service, for images that are built here and images from a registry."""

from datetime import datetime, timedelta

from rollback_lib.plan.plan import some
from rollback_lib.procedures.common.finding import Finding
from rollback_lib.procedures.common.stack_state import StackState
from rollback_lib.procedures.common.symptoms import Symptoms
from rollback_lib.procedures.env.history import env_changed, ever_had, strangers
from rollback_lib.text import times


def of_words(one: Finding, now: StackState, seen: Symptoms, service: str) -> None:
    """What the words of an ill service say of its code."""
    asked = [name for name in seen.missing if not ever_had(now, name)]
    if asked:
        one.add(2, f"{service} asks for {some(asked)}, which no version of the env file has", sure=True)
    elif foreign := strangers(now):
        one.add(2, f"since the target it asks for {some(foreign)}, which the env file lacked before its change")
    elif seen.errors and not seen.refused and not seen.undefined:
        one.add(1, f"{service} says: {seen.errors[-1]}")


def of_arrival(one: Finding, now: StackState, came: datetime, made: datetime) -> None:
    """What else speaks for a change that came then, to a service whose container was made at `made`."""
    changed = env_changed(now)
    if changed is None or came >= changed:
        one.add(1, "no later change of the service is known")
    else:
        one.add(0, "the env file was changed later")
    if came - timedelta(minutes=5) <= made <= came + timedelta(hours=6):
        one.add(1, "the container was made of it then")
    else:
        one.add(-1, f"the container was made {times.minute(made)}, long after it came")
