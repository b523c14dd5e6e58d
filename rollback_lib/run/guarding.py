"""A guard as a run: it watches a release after its deploy, and marks it if it held. If not, it starts the rollback to the last good one.

The guard itself changes nothing that serves, and has no notebook and no gate. The rollback is a run of its own, with a record of its own.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from rollback_lib.errors import RollbackError
from rollback_lib.procedures import guard, mark
from rollback_lib.procedures.guard import Held, Lapse, NotHeld, RolledBack, WayBack
from rollback_lib.run import holding, marking
from rollback_lib.run.console import Console
from rollback_lib.run.incident import Incident
from rollback_lib.run.stages import Closing
from rollback_lib.text import times

RollBack = Callable[[WayBack], RolledBack]  # runs a rollback
Watch = Callable[[Path], AbstractContextManager[object]]  # shows what goes on in the record in that folder, as long as it is entered


def run(stack: str, console: Console, *, hold: str, apply: bool, roll_back: RollBack, watch: Watch) -> Closing:
    """Watch the routes for the time `hold`, then mark the release; or let `roll_back` plan the rollback, or with `apply` do it. Raises
    ParameterError before anything is contacted, ConnectionRefused if the host cannot be used."""
    rollback = "apply" if apply else "plan"
    incident = Guarded.open(guard.NAME, stack, console=console, mode="apply", hold=hold, rollback=rollback)
    try:
        with watch(incident.opening.folder):
            seen = _watched(incident, hold)
            way = incident.lapsed(seen) if isinstance(seen, Lapse) else ""
        found = _rolled_back(incident, seen, way, roll_back, apply=apply) if isinstance(seen, Lapse) else seen
        incident.conclude(found, stack)
    except (RollbackError, KeyboardInterrupt):
        return incident.give_up()
    return incident.close()


class Guarded(Incident):
    """The incident of a guard, with what no notebook has: the watch, and what follows where something did not hold."""

    def hold(self, seconds: float) -> Lapse | None:
        """Watch a healthy release for so many seconds. Returns what did not hold, None if all did. Raises Refused if what runs was replaced
        meanwhile."""
        with self._run.guarded("hold"):
            return holding.hold(self._run, seconds)

    def lapsed(self, lapse: Lapse) -> WayBack | str:
        """Notify people of what did not hold, and choose the rollback. Returns why there is none, if there is none."""
        with self._run.guarded("lapse"):
            return holding.lapsed(self._run, lapse)


def _watched(incident: Guarded, hold: str) -> Held | Lapse:
    """What came of the watch: the release held and is marked, or what did not hold."""
    incident.watch()
    if failing := incident.failing():
        return Lapse(mark.NotHealthy(incident.stack, failing).routes, failing)
    incident.look(guard.markable, incident.document())
    if lapse := incident.hold(times.span(hold) or 0.0):
        return lapse
    marked = marking.entered(incident)
    if isinstance(marked, mark.NotHealthy):
        return Lapse(marked.routes, marked.failing)
    return Held(hold, marked)


def _rolled_back(incident: Guarded, lapse: Lapse, way: WayBack | str, roll_back: RollBack, *, apply: bool) -> NotHeld:
    """Run the rollback, if there is one. However it ends, what is known of it goes into the record of the guard."""
    if isinstance(way, str):
        return NotHeld(incident.stack, lapse, apply, refused=way)
    try:
        ended = roll_back(way)
    except (RollbackError, KeyboardInterrupt) as error:
        return NotHeld(incident.stack, lapse, apply, way, refused=str(error) or "stopped by who ran it")
    return NotHeld(incident.stack, lapse, apply, way, ended)
