"""The symptoms: what is wrong with the services, and with the way that requests take to them. The causes come later."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from rollback_lib.facts.host import Unanswered
from rollback_lib.facts.inside_container import Answer
from rollback_lib.health.probe import Probe
from rollback_lib.procedures import redeploy
from rollback_lib.procedures.triage.state import State
from rollback_lib.secrets.redactor import clean

_UP = ("running",)
_LONGEST = 2000  # how many characters of a line are read
# Error messages of common libraries.
_ERROR = re.compile(r"(?i)\b(?:\w*error|\w*exception|traceback|fatal|panic)\b")
_UNDEFINED = re.compile(
    r"(?i)UndefinedTable|UndefinedColumn|Unknown column|no such (?:table|column)|"
    r"(?:relation|table|column) [\"'`\w.]+ (?:of relation \S+ )?(?:does not|doesn't) exist"
)
_CONNECTION = re.compile(
    r"(?i)could not translate host name|name or service not known|getaddrinfo|ENOTFOUND|password authentication failed|"
    r"connection refused|ECONNREFUSED|no pg_hba.conf|OperationalError|invalid dsn|could not connect|authentication failed|unauthorized|"
    r"invalid api key"
)
_VARIABLE = re.compile(
    r"KeyError: '([A-Z][A-Z0-9_]{2,})'|"
    r"(?:variable|env(?:ironment)?)\W+([A-Z][A-Z0-9_]{2,})\W+(?:is )?(?:not set|missing|required|undefined)|"
    r"(?:missing|required) (?:environment )?variable:? \W?([A-Z][A-Z0-9_]{2,})"
)


@dataclass(frozen=True)
class Symptoms:
    """What is wrong. `failing` are probes of routes that do not pass. `ill` are services that do not run, or do not work when they are
    asked without the proxy. `cut_off` are failing routes whose service works, or gives another answer than the route. `lost` are
    pairs of a container and a network that it should be on. `down` are containers that should run and do not. `words` are the last
    lines that the ill services wrote."""

    failing: tuple[Probe, ...]
    ill: tuple[str, ...]
    cut_off: tuple[str, ...]
    lost: tuple[tuple[str, str], ...]
    down: tuple[str, ...]
    words: tuple[str, ...]

    @property
    def healthy(self) -> bool:
        return not (self.failing or self.lost or self.down)

    @property
    def last(self) -> str:
        """The last error of the ill services, or else their last line."""
        return (self.errors or [clean(line).strip()[:160] for line in self.words] or ["they said nothing"])[-1]

    @property
    def undefined(self) -> bool:
        """Whether the ill services miss a table or a column."""
        return any(map(_UNDEFINED.search, self.words))

    @property
    def refused(self) -> bool:
        """Whether the ill services cannot reach something, or cannot log in to it."""
        return any(map(_CONNECTION.search, self.words))

    @property
    def missing(self) -> tuple[str, ...]:
        """The variables that the ill services ask for and do not have."""
        found = (match for words in self.words for match in _VARIABLE.findall(words))
        return tuple(dict.fromkeys(name for match in found for name in match if name))

    @property
    def errors(self) -> tuple[str, ...]:
        """The last errors of the ill services."""
        return tuple(dict.fromkeys(clean(line).strip()[:160] for line in self.words if _ERROR.search(line)))[-3:]


def symptoms(now: State) -> Symptoms:
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
    if not isinstance(now.redeploy, Unanswered):
        lost = redeploy.lost(now.redeploy)
        needed = {route.service for route in routes.values()}
        mine = [one for one in now.redeploy.containers if one.service in now.redeploy.services]
        down = [one.name for one in mine if fallen(one.state, one.exit, serves=one.service in needed)]
        here = {one.service for one in now.redeploy.containers}
        ill += [route.service for route in routes.values() if route.service in now.redeploy.services and route.service not in here]
    return Symptoms(failing, tuple(dict.fromkeys(ill)), tuple(cut_off), tuple(lost), tuple(down), tuple(_words(now, ill)))


def works(answer: Answer | None) -> bool:
    """Whether a service works, according to its answer without the proxy."""
    return answer is not None and answer.ok


def fallen(state: str, status: int, *, serves: bool) -> bool:
    """Whether a container should run and does not. One that serves no route may have ended with status 0: it has done its work."""
    return state not in _UP and not (state == "exited" and status == 0 and not serves)


def _words(now: State, ill: Iterable[str]) -> list[str]:
    """The answers and the last log lines of the ill services."""
    said: list[str] = []
    for name in dict.fromkeys(ill):
        answers = {} if isinstance(now.ways, Unanswered) else now.ways.direct
        for route in now.stack.routes:
            answer = answers.get(route.name) if route.service == name else None
            said += answer.said.splitlines() if answer else []
        if not isinstance(now.redeploy, Unanswered):
            for one in now.redeploy.of(name):
                said += now.redeploy.logs.get(one.name, [])[-12:]
    return [line[:_LONGEST] for line in said]
