"""What a run checks: the health of the routes, and the effects on the host."""

import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from rollback_lib.errors import Refused
from rollback_lib.facts.host import Host
from rollback_lib.health.headers import Values
from rollback_lib.health.probe import Probe, passes_in_a_row
from rollback_lib.health.watch import Prober, Watch
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.plan import Plan
from rollback_lib.procedures.procedure import Procedure
from rollback_lib.record.folder import Folder
from rollback_lib.stack.model import Stack
from rollback_lib.stack.route import Route

LOOK_AGAIN = 0.5  # seconds before the host is asked again, after it could not answer
PATIENCE = 10.0  # for how many seconds it is asked again, before anything was changed
RECONNECT = 10.0  # how many seconds services get to reconnect by themselves


class Monitor:
    """Probes the routes and checks the effects for one run. Every probe goes into the record. `host` returns the host, for one thread
    to ask. `values` are the values of the references in headers, by reference."""

    def __init__(
        self, stack: Stack, procedure: Procedure[Any, Any], host: Callable[[], Host], folder: Folder, values: Values | None = None
    ) -> None:  # fmt: skip
        self._stack = stack
        self._values = values
        self._procedure = procedure
        self._host = host
        self._folder = folder
        self._watch: Watch | None = None

    def look_once(self) -> tuple[Probe, ...]:
        """Probe every route once, in parallel. The probes are not in the record yet; see `note`."""
        with ThreadPoolExecutor(len(self._stack.routes)) as pool:
            return tuple(pool.map(self._probe_once, self._stack.routes))

    def note(self, probes: tuple[Probe, ...]) -> tuple[Probe, ...]:
        """Write probes to the record. Returns them with known secrets hidden."""
        return tuple(map(self._enter, probes))

    def open(self) -> Watch:
        """Begin to watch the routes, unless they are watched already."""
        if self._watch is None:
            self._watch = Watch(self._stack.routes, self._stack.health, self._enter, self._values).start()
        return self._watch

    def close(self) -> tuple[Probe, ...]:
        """Stop watching. Returns all probes of the watch; none if nothing was watched."""
        watch, self._watch = self._watch, None
        if watch is None:
            return ()
        watch.stop()
        return tuple(watch.probes)

    def healthy_soon(self, plan: Plan) -> bool:
        """Whether the routes that have to pass do so within RECONNECT seconds, without further steps."""
        return self.open().until_healthy(datetime.now(UTC), plan.routes, RECONNECT)

    def healthy(self) -> bool:
        """Whether every route passes all its probes. A route that fails gets no time to recover."""
        return self.open().until_looked()

    def failing(self, most: float) -> dict[str, Probe | None]:
        """Wait until every route is healthy, at most for so many seconds. Returns the routes that are not, each with its last failed probe,
        None if it gave no answer."""
        watch, wanted = self.open(), self._stack.health.passes
        if watch.until_healthy(datetime.min.replace(tzinfo=UTC), most=most):
            return {}
        seen = {route.name: [probe for probe in watch.probes if probe.route == route.name] for route in self._stack.routes}
        ill = {name: probes for name, probes in seen.items() if not passes_in_a_row([probe.ok for probe in probes], wanted)}
        return {name: self.last_failed(probes) for name, probes in ill.items()}

    def last_failed(self, probes: Sequence[Probe]) -> Probe | None:
        """The last of these probes that failed, with known secrets hidden; None if none did."""
        found = next((probe for probe in reversed(probes) if not probe.ok), None)
        return self._hidden(found) if found else None

    def await_effects(self, plan: Plan) -> tuple[bool, tuple[Effect, ...]]:
        """Wait until the routes are healthy, then until the effects are as they should be. Each wait ends at the deadline of the
        stack's health checks. Returns whether the routes are healthy, and the effects as last seen.

        The effects are also checked while the routes are probed, since they often hold by then. Raises Refused if the host cannot be
        asked even at the deadline.
        """
        since = datetime.now(UTC)
        with ThreadPoolExecutor(1) as pool:
            early = pool.submit(self._try_effects, plan)
            healthy = self.open().until_healthy(since, plan.routes)
            seen = early.result()
        settled = since
        if not healthy or isinstance(seen, Refused) or any(not effect.ok for effect in seen):
            seen, settled = self._try_effects(plan), datetime.now(UTC)
        until = time.monotonic() + self._stack.health.deadline
        while _may_change(seen, healthy=healthy) and time.monotonic() < until:
            time.sleep(LOOK_AGAIN if isinstance(seen, Refused) else 0.0)
            seen, settled = self._try_effects(plan), datetime.now(UTC)
        if isinstance(seen, Refused):
            raise seen
        if healthy and settled > since and all(effect.ok for effect in seen):  # probes from before the effects held do not count
            healthy = self.open().until_healthy(settled, plan.routes)
        return healthy, seen

    def _try_effects(self, plan: Plan) -> tuple[Effect, ...] | Refused:
        try:
            return self.effects(plan)
        except Refused as error:
            return error

    def effects(self, plan: Plan) -> tuple[Effect, ...]:
        """What the rollback asks for, compared with the host now. Raises Refused if the host cannot be asked."""
        return tuple(self._procedure.effects(self._host(), self._stack, plan))

    def undone(self, plan: Plan) -> tuple[Effect, ...]:
        """The state before the rollback, compared with the host now. Raises Refused if the host cannot be asked within the deadline
        of the stack's health checks."""
        return self._patiently(self._procedure.undo_effects, plan, self._stack.health.deadline)

    def as_before(self, plan: Plan) -> bool:
        """Whether the host is as it was before the rollback; False if it cannot be asked."""
        try:
            return all(effect.ok for effect in self.undone(plan))
        except Refused:
            return False

    def moved(self, plan: Plan) -> tuple[Effect, ...]:
        """What is not as the plan assumed. Raises Refused if the host cannot be asked within PATIENCE seconds."""
        return tuple(effect for effect in self._patiently(self._procedure.assumed, plan, PATIENCE) if not effect.ok)

    def strange(self, plan: Plan, done: Collection[str], half: Collection[str]) -> tuple[Effect, ...]:
        """What is not as an interrupted run can have left it.

        The run changed the parts in `done` and may have changed those in `half`. A part in `half` may be as before, as asked for, or
        in between if the effect allows that. All other parts must be as before. Effects that only say how well something runs
        (`condition`) do not count. Raises Refused if the host cannot be asked.
        """
        reached, prior = self.effects(plan), self.undone(plan)
        after, before = ({effect.name: effect.ok for effect in effects} for effects in (reached, prior))

        def explained(effect: Effect) -> bool:
            if effect.part in half or not effect.part:
                return effect.between or after.get(effect.name, True) or before.get(effect.name, True)
            return (after if effect.part in done else before).get(effect.name, True)

        rows = {effect.name: effect for effect in (*reached, *prior)}
        return tuple(effect for effect in rows.values() if not (effect.condition or explained(effect)))

    def _patiently(self, look: Callable[[Host, Stack, Plan], list[Effect]], plan: Plan, seconds: float) -> tuple[Effect, ...]:
        """The effects that `look` returns. While the host cannot be asked, for example because Docker restarts, it is asked again,
        for at most `seconds`."""
        until = time.monotonic() + seconds
        while True:
            try:
                return tuple(look(self._host(), self._stack, plan))
            except Refused:
                if time.monotonic() > until:
                    raise
            time.sleep(LOOK_AGAIN)

    def _probe_once(self, route: Route) -> Probe:
        prober = Prober(route, self._stack.health.timeout, self._values)
        try:
            return prober.probe()
        finally:
            prober.close()

    def _hidden(self, probe: Probe) -> Probe:
        return replace(probe, said=self._folder.redactor.hide(probe.said))

    def _enter(self, probe: Probe) -> Probe:
        probe = self._hidden(probe)
        self._folder.event(
            "probe",
            sent=probe.at.isoformat(timespec="milliseconds"),
            route=probe.route,
            ok=probe.ok,
            status=probe.status,
            ms=round(probe.seconds * 1000),
            said="" if probe.ok else probe.words,
        )
        return probe


def _may_change(seen: tuple[Effect, ...] | Refused, *, healthy: bool) -> bool:
    """Whether another look can give a better result: an effect needs time to settle, or the host could not be asked."""
    return isinstance(seen, Refused) or (healthy and any(effect.settles and not effect.ok for effect in seen))
