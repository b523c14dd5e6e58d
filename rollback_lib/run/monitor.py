"""Looking at a rollback while it happens: health over the routes, and the effects on the host."""

import time
from collections.abc import Callable, Collection
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

LOOK_AGAIN = 0.5  # seconds before a host is asked again that could not be
PATIENCE = 10.0  # seconds for which it is, before anything was changed
RECONNECT = 10.0  # seconds in which services are to reconnect by themselves


class Monitor:
    """Probes and effects of one run; every probe goes into its record. `host` gives its host, to be asked by one thread; `values` are
    those of the references in headers."""

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
        """One probe of every route, side by side, and not in the record yet."""
        with ThreadPoolExecutor(len(self._stack.routes)) as pool:
            return tuple(pool.map(self._probe_once, self._stack.routes))

    def note(self, probes: tuple[Probe, ...]) -> tuple[Probe, ...]:
        """Put probes into the record; the same, without what the run knows to be secret."""
        return tuple(map(self._enter, probes))

    def open(self) -> Watch:
        """Begin to watch, unless we do already."""
        if self._watch is None:
            self._watch = Watch(self._stack.routes, self._stack.health, self._enter, self._values).start()
        return self._watch

    def close(self) -> tuple[Probe, ...]:
        """Stop watching; all that was seen."""
        watch, self._watch = self._watch, None
        if watch is None:
            return ()
        watch.stop()
        return tuple(watch.probes)

    def healthy_soon(self, plan: Plan) -> bool:
        """Whether the routes that have to pass come back by themselves."""
        return self.open().until_healthy(datetime.now(UTC), plan.routes, RECONNECT)

    def healthy(self) -> bool:
        """Whether every route passes, with nothing to wait for."""
        return self.open().until_looked()

    def failing(self, most: float) -> dict[str, Probe | None]:
        """Wait until every route is healthy, for so many seconds at most: the routes that are not by then, each with its last probe that
        failed (None: it gave no answer)."""
        watch, wanted = self.open(), self._stack.health.passes
        if watch.until_healthy(datetime.min.replace(tzinfo=UTC), most=most):
            return {}
        seen = {route.name: [probe for probe in watch.probes if probe.route == route.name] for route in self._stack.routes}
        ill = {name: probes for name, probes in seen.items() if not passes_in_a_row([probe.ok for probe in probes], wanted)}
        return {name: next((probe for probe in reversed(probes) if not probe.ok), None) for name, probes in ill.items()}

    def await_effects(self, plan: Plan) -> tuple[bool, tuple[Effect, ...]]:
        """Health, and the effects, looked at meanwhile; what was not yet as it should be, or could not be asked, is looked at again
        after it. Raises Refused where the host cannot be asked to the end."""
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
        if healthy and settled > since and all(effect.ok for effect in seen):  # what has just settled has to be healthy from then on
            healthy = self.open().until_healthy(settled, plan.routes)
        return healthy, seen

    def _try_effects(self, plan: Plan) -> tuple[Effect, ...] | Refused:
        try:
            return self.effects(plan)
        except Refused as error:
            return error

    def effects(self, plan: Plan) -> tuple[Effect, ...]:
        """What the rollback asks for, against what is."""
        return tuple(self._procedure.effects(self._host(), self._stack, plan))

    def undone(self, plan: Plan) -> tuple[Effect, ...]:
        """What was before the rollback, against what is. Raises Refused where the host cannot be asked to the end."""
        return self._patiently(self._procedure.undo_effects, plan, self._stack.health.deadline)

    def as_before(self, plan: Plan) -> bool:
        """Whether the host is as it was before the rollback; False where that cannot be told."""
        try:
            return all(effect.ok for effect in self.undone(plan))
        except Refused:
            return False

    def moved(self, plan: Plan) -> tuple[Effect, ...]:
        """What is not as the plan assumed."""
        return tuple(one for one in self._patiently(self._procedure.assumed, plan, PATIENCE) if not one.ok)

    def strange(self, plan: Plan, done: Collection[str], half: Collection[str]) -> tuple[Effect, ...]:
        """What is not as a run left it that changed the parts `done` and may have changed the parts `half`: the others are to be
        as before. Half done, a part is as before, as asked for, or in between where it can be. How well something runs does not
        count."""
        reached, prior = self.effects(plan), self.undone(plan)
        after, before = ({effect.name: effect.ok for effect in effects} for effects in (reached, prior))

        def explained(effect: Effect) -> bool:
            if effect.part in half or not effect.part:
                return effect.between or after.get(effect.name, True) or before.get(effect.name, True)
            return (after if effect.part in done else before).get(effect.name, True)

        rows = {effect.name: effect for effect in (*reached, *prior)}
        return tuple(effect for effect in rows.values() if not (effect.condition or explained(effect)))

    def _patiently(self, look: Callable[[Host, Stack, Plan], list[Effect]], plan: Plan, seconds: float) -> tuple[Effect, ...]:
        """What a look finds. A host that could not be asked, as while Docker starts again, is asked again for so many seconds."""
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

    def _enter(self, probe: Probe) -> Probe:
        probe = replace(probe, said=self._folder.redactor.hide(probe.said))
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
    """Whether another look may find it otherwise: what needs a while to settle, and a host that could not be asked."""
    return isinstance(seen, Refused) or (healthy and any(effect.settles and not effect.ok for effect in seen))
