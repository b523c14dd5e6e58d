"""Looking at a rollback while it happens: health over the routes, and the effects on the host."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from rollback_lib.errors import Refused
from rollback_lib.facts.ask import converse
from rollback_lib.health import Prober, Watch
from rollback_lib.host.link import Link
from rollback_lib.plan import Effect, Plan
from rollback_lib.probe import Probe
from rollback_lib.procedures.procedure import Procedure
from rollback_lib.record.folder import Folder
from rollback_lib.stack import Route, Stack

RECONNECT = 10.0  # seconds in which services are to connect again by themselves


class Eyes:
    """Probes and effects of one run; every probe goes into its record."""

    def __init__(self, stack: Stack, procedure: Procedure, link: Link, folder: Folder) -> None:
        self._stack = stack
        self._procedure = procedure
        self._link = link
        self._folder = folder
        self._watch: Watch | None = None

    def look_once(self) -> tuple[Probe, ...]:
        """One probe of every route, side by side."""
        with ThreadPoolExecutor(len(self._stack.routes)) as pool:
            probes = tuple(pool.map(self._probe_once, self._stack.routes))
        for probe in probes:
            self._note(probe)
        return probes

    def open(self) -> Watch:
        """Begin to watch, unless we do already."""
        if self._watch is None:
            self._watch = Watch(self._stack.routes, self._stack.health, self._note).start()
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

    def await_effects(self, plan: Plan) -> tuple[bool, tuple[Effect, ...]]:
        """Health, and the effects, looked at meanwhile; what was not yet as it should be is looked at again after it."""
        since = datetime.now(UTC)
        with ThreadPoolExecutor(1) as pool:
            early = pool.submit(self.effects, plan)
            healthy = self.open().until_healthy(since, plan.routes)
            effects = early.result()
        until = time.monotonic() + self._stack.health.deadline
        while healthy and any(not effect.ok for effect in effects):
            effects = self.effects(plan)
            if time.monotonic() > until or not any(effect.settles for effect in effects if not effect.ok):
                break
        return healthy, effects if healthy else self.effects(plan)

    def effects(self, plan: Plan) -> tuple[Effect, ...]:
        """What the rollback asks for, against what is."""
        return tuple(converse(self._link, self._procedure.effects(self._stack, plan)))

    def undone(self, plan: Plan) -> tuple[Effect, ...]:
        """What was before the rollback, against what is."""
        return tuple(converse(self._link, self._procedure.undo_effects(self._stack, plan)))

    def as_before(self, plan: Plan) -> bool:
        """Whether the host is as it was before the rollback; False where that cannot be told."""
        try:
            return all(effect.ok for effect in self.undone(plan))
        except Refused:
            return False

    def moved(self, plan: Plan) -> tuple[Effect, ...]:
        """What is not as the plan assumed."""
        return tuple(one for one in converse(self._link, self._procedure.assumed(self._stack, plan)) if not one.ok)

    def strange(self, plan: Plan) -> tuple[Effect, ...]:
        """What is neither as it was before the rollback nor as it asks for, of all that both have a word for."""
        reached = {effect.name: effect.ok for effect in self.effects(plan)}
        return tuple(effect for effect in self.undone(plan) if not effect.ok and not reached.get(effect.name, True))

    def _probe_once(self, route: Route) -> Probe:
        prober = Prober(route, self._stack.health.timeout)
        try:
            return prober.probe()
        finally:
            prober.close()

    def _note(self, probe: Probe) -> None:
        self._folder.event(
            "probe",
            sent=probe.at.isoformat(timespec="milliseconds"),
            route=probe.route,
            ok=probe.ok,
            status=probe.status,
            ms=round(probe.seconds * 1000),
            said="" if probe.ok else probe.words,
        )
