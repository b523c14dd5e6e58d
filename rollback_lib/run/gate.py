"""The gate before each step: the plan is confirmed, its losses are accepted, and the step is next in order."""

from rollback_lib.errors import Drifted, NotApproved, NotConfirmed, Refused
from rollback_lib.plan.plan import Loss, Plan
from rollback_lib.plan.step import Step
from rollback_lib.procedures.common import retention
from rollback_lib.record.folder import incidents_root
from rollback_lib.run import needs, resume
from rollback_lib.run.run import Run


def confirm(run: Run, plan: Plan, given: object) -> None:
    """Open the gate if `given` is the host's name, and the plan is approved if it has to be. Otherwise ask the person at the notebook.
    Raises NotConfirmed, NotApproved."""
    host = run.stack.host
    if given and given != host:
        raise NotConfirmed(f"confirm is {given!r}, but the host is {host!r}; give confirm={host} to change it")
    awaited = None
    if needs.why(run.stack, plan):
        from rollback_lib.run import approving  # imported here, since few stacks ask for an approval

        awaited = approving.ask(run, plan)
    if given and (awaited is None or awaited.look().complete):
        open_(run, plan, "parameter")
        run.console.line(f"Confirmed for {host}: the cells below change it.")
    elif not run.console.gate(
        host, f"Type the host's name, {host}, to let the cells below change it. Until then they refuse.",
        lambda: open_(run, plan, "person"), awaited,
    ):  # fmt: skip
        if given and awaited:
            raise NotApproved(awaited.look().missing)
        raise NotConfirmed(f"mode is apply, but nobody confirmed; give confirm={host} to change that host")


def open_(run: Run, plan: Plan, by: str) -> None:
    """Let the steps of the plan run. `by` is "parameter" or "person". Raises NotApproved."""
    check_approved(run, plan)
    run.folder.event("confirmed", plan=plan.hash, by=by, who=run.opening.who, host=run.stack.host)


def check_approved(run: Run, plan: Plan) -> None:
    """Raises NotApproved if the plan needs an approval that it does not have."""
    if needs.why(run.stack, plan):
        from rollback_lib.run import approving  # imported here, since few stacks ask for an approval

        approving.check(run, plan)


def accept(run: Run, plan: Plan, loss: Loss, by: str) -> None:
    """Let the steps run that lose what `loss` lists. `by` is "parameter" or "person"."""
    run.folder.event("accepted", plan=plan.hash, loss=loss.hash, by=by, who=run.opening.who)


def check_reviewed(run: Run, plan: Plan) -> None:
    """Raises Drifted if the run may apply only the plan that was reviewed, and `plan` differs from it. Shows the differences."""
    reviewed = run.opening.reviewed
    if run.opening.mode != "apply" or reviewed in ("", plan.hash):
        return
    differences = resume.differences(incidents_root(), reviewed, plan)
    for line in differences:
        run.console.line(line)
    more = "the lines above differ" if differences else "no record has that one, so what moved cannot be shown"
    raise Drifted(f"the plan is {plan.hash} by now, and {reviewed} was reviewed: {more}; review this one, then run with its hash")


def check(run: Run, step: Step) -> Plan:
    """The confirmed plan, if the step may run now. Raises NotConfirmed if the plan is not confirmed or its losses are not accepted,
    Refused for every other reason."""
    if run.state.ended:
        raise Refused(f"this run has ended as {run.state.verdict}; open a new one to continue")
    if run.plan is None or all(planned is not step for planned in run.plan.steps):
        raise Refused(f"the step {step.name!r} is not in the plan that was confirmed; run the cells Plan and Confirm again")
    if run.state.confirmed != run.plan.hash:
        raise NotConfirmed(f"not confirmed: type the host's name, {run.stack.host}, in the box above, then run this cell again")
    _check_order(run, run.plan, step)
    if step.touches and run.plan.costs_data and run.state.accepted != run.plan.hash:
        raise NotConfirmed("not accepted: type the database's name in the box below the list of losses, then run this cell again")
    if any(undo.name in run.state.begun for undo in run.plan.undo):
        raise Refused(f"this incident is being undone; finish that with `rollback resume {run.opening.incident}`")
    if step.sends and step.send is None:
        raise Refused(f"{step.sends} are in no record, so this incident cannot continue; nothing that serves was touched: run it again")
    return run.plan


def _check_order(run: Run, plan: Plan, step: Step) -> None:
    """Raises Refused unless every earlier step is done or not needed; and, for the step that enters the outcome in the ledger,
    unless the run is verified."""
    state, done = run.state, run.state.done
    before = plan.steps[: next(number for number, planned in enumerate(plan.steps) if planned is step)]
    missing = [
        earlier.name for earlier in before if not (earlier.skip or earlier.name in state.passed_over or (plan.hash, earlier.name) in done)
    ]  # fmt: skip
    if missing:
        raise Refused(f"the step {step.name!r} comes after {', '.join(missing)}; run the cells above first")
    if step.name == retention.REMEMBER and plan.touches and not (state.verified and state.verified.ok):
        raise Refused(f"the step {step.name!r} enters what was verified, and this run is not verified yet; run the cells above first")
