"""A mark, as one run: it enters what runs in the ledger of the host. Nobody sits there, so it has no notebook, and no gate: it changes
nothing that serves."""

from rollback_lib.errors import RollbackError
from rollback_lib.procedures import mark
from rollback_lib.run.console import Console
from rollback_lib.run.incident import Incident
from rollback_lib.run.stages import Closing, Conclusion


def run(stack: str, console: Console, *, verdict: str = mark.HEALTHY, target: str = "") -> Closing:
    """Enter what runs as healthy, once every route is, or as bad; or a commit, as bad. Whatever comes of it after the connection was
    made is in the record. Raises ParameterError before anything is contacted, ConnectionRefused."""
    incident = Incident.open(mark.NAME, stack, console=console, mode="apply", verdict=verdict, target=target)
    try:
        incident.conclude(_marked(incident, verdict, target), stack)
    except (RollbackError, KeyboardInterrupt):
        return incident.give_up()
    return incident.close()


def _marked(incident: Incident, verdict: str, target: str) -> Conclusion:
    if verdict == mark.HEALTHY:
        incident.watch()
    now = incident.document()
    chosen = incident.examine(now, target, verdict=verdict)
    if chosen.healthy and (failing := incident.failing()):
        return mark.NotHealthy(incident.stack, failing)
    plan = incident.plan(now, chosen)
    incident.confirm(plan, incident.stack.host)
    for step in plan.steps:
        incident.apply(step)
    return mark.Marked(now, chosen, plan)
