"""A mark as a run: it enters what runs in the ledger on the host. It has no notebook and no gate, since nobody watches it, and it does not
change the stack."""

from rollback_lib.errors import RollbackError
from rollback_lib.procedures import mark
from rollback_lib.run.console import Console
from rollback_lib.run.incident import Incident
from rollback_lib.run.stages import Closing


def run(stack: str, console: Console, *, verdict: str = mark.HEALTHY, target: str = "") -> Closing:
    """Enter what runs as healthy, once every route is healthy; or as bad; or the commit `target` as bad. Once the connection is made, the
    record says whatever happens. Raises ParameterError before anything is contacted, ConnectionRefused if the host cannot be used."""
    incident = Incident.open(mark.NAME, stack, console=console, mode="apply", verdict=verdict, target=target)
    try:
        if verdict == mark.HEALTHY:
            incident.watch()
        incident.conclude(entered(incident, verdict, target), stack)
    except (RollbackError, KeyboardInterrupt):
        return incident.give_up()
    return incident.close()


def entered(incident: Incident, verdict: str = mark.HEALTHY, target: str = "") -> mark.Marked | mark.NotHealthy:
    """Enter what runs in the ledger, or the commit `target` as bad. What is healthy is only entered if every route is, or becomes so before
    the deadline of the stack's health checks. Raises what `Incident.examine` and the steps raise."""
    now = incident.document()
    chosen = incident.examine(now, target, verdict=verdict)
    if chosen.healthy and (failing := incident.failing()):
        return mark.NotHealthy(incident.stack, failing)
    plan = incident.plan(now, chosen)
    incident.confirm(plan, incident.stack.host)
    for step in plan.steps:
        incident.apply(step)
    return mark.Marked(now, chosen, plan)
