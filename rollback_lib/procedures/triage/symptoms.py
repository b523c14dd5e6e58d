"""What is wrong with a stack, from what was seen of it."""

from collections.abc import Iterable

from rollback_lib.facts.host import Unanswered
from rollback_lib.facts.inside_container import Answer
from rollback_lib.procedures.common.stack_state import StackState
from rollback_lib.procedures.common.symptoms import Symptoms
from rollback_lib.procedures.redeploy import state as redeploy

_UP = ("running",)
_LONGEST = 2000  # characters of a line that are read


def symptoms(now: StackState) -> Symptoms:
    """What is wrong with the stack."""
    routes = {route.name: route for route in now.stack.routes}
    failing = tuple(probe for probe in now.probes if not probe.ok)
    direct, passing = {} if isinstance(now.ways, Unanswered) else now.ways.direct, {probe.route for probe in now.probes if probe.ok}
    # A proxy may ask for another path than users do: a service is well whose route passes.
    ill = [routes[name].service for name, answer in direct.items() if not works(answer) and name not in passing]
    cut_off = []
    for probe in failing:
        answer = direct.get(probe.route)
        if answer is not None and (works(answer) or answer.status != probe.status):
            cut_off.append(probe.route)
    lost: list[tuple[str, str]] = []
    down: list[str] = []
    if known := now.of(redeploy.State):
        lost = redeploy.lost(known)
        needed = {route.service for route in routes.values()}
        mine = [one for one in known.containers if one.service in known.services]
        down = [one.name for one in mine if fallen(one.state, one.exit, serves=one.service in needed)]
        here = {one.service for one in known.containers}
        ill += [route.service for route in routes.values() if route.service in known.services and route.service not in here]
    return Symptoms(failing, tuple(dict.fromkeys(ill)), tuple(cut_off), tuple(lost), tuple(down), tuple(_words(now, ill)))


def works(answer: Answer | None) -> bool:
    """Whether a service works, according to its answer without the proxy."""
    return answer is not None and answer.ok


def fallen(state: str, status: int, *, serves: bool) -> bool:
    """Whether a container should run and does not. One that serves no route may have ended with status 0: it has done its work."""
    return state not in _UP and not (state == "exited" and status == 0 and not serves)


def _words(now: StackState, ill: Iterable[str]) -> list[str]:
    """What ill services answered and wrote last."""
    said: list[str] = []
    for name in dict.fromkeys(ill):
        answers = {} if isinstance(now.ways, Unanswered) else now.ways.direct
        for route in now.stack.routes:
            answer = answers.get(route.name) if route.service == name else None
            said += answer.said.splitlines() if answer else []
        if known := now.of(redeploy.State):
            for one in known.of(name):
                said += known.logs.get(one.name, [])[-12:]
    return [line[:_LONGEST] for line in said]
