"""The steps of a rollback: the checks before each, and what happens if one fails."""

from typing import NoReturn

from rollback_lib.commands.command import script
from rollback_lib.errors import Drifted, Failed, NotApproved, NotStarted, Refused, TargetRefused
from rollback_lib.health.probe import passes_in_a_row
from rollback_lib.host.connection import Result, said
from rollback_lib.host.lock import Taken
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import Step, When
from rollback_lib.run import needs, outcome
from rollback_lib.run.run import Run
from rollback_lib.run.stages import Verification
from rollback_lib.text import times

CLEANUP = 30.0  # seconds


def take(run: Run, plan: Plan) -> None:
    """Take the lock, unless this run has it. If the incident was opened again, check whether it can be resumed. Raises Locked,
    LockLost, NotApproved if the host demands an approval, Drifted, and Failed if the host undid the rollback by itself."""
    taken = _admitted(run, plan)
    if taken is not None and run.opening.resumed and run.state.begun:
        if run.auto_revert.reverted():
            undone(run, plan, f"{run.stack.host} undid the rollback by itself, as nobody came back in time")
        check_resumable(run, plan, taken.last)


def _admitted(run: Run, plan: Plan) -> Taken | None:
    """Take the lock. Where only the host asks for an approval, the run goes on without if it may. Raises what `take` does."""

    def taken() -> Taken | None:
        return run.lock.take(
            take_over=run.opening.take_over, permit=needs.permit(run.folder, plan),
            plan=lambda: outcome.for_followers(plan, run.folder.redactor),
        )  # fmt: skip

    try:
        return taken()
    except NotApproved:
        if run.state.break_glass or not run.opening.break_glass:
            raise
    from rollback_lib.run import approving  # imported here, since few hosts ask for an approval

    approving.break_glass(run, plan, f"{run.stack.host} asks for it")
    return taken()


def check_resumable(run: Run, plan: Plan, last: str) -> None:
    """Raises Drifted if the host is not as the incident left it, or another incident ran since. `last` is the incident that held the
    lock before this run took it."""
    if last not in (run.state.last, run.opening.incident):
        raise Drifted(
            f"incident {last} ran on {run.stack.host} after this one was cut off; look at what it did, then make a new plan or undo by hand"
        )
    if not run.state.touched:
        return  # `check_assumed` looks just before the first change
    steps_begun, done = run.state.begun, run.state.done
    begun = [step for step in (*plan.steps, *plan.undo) if step.touches and step.name in steps_begun]
    undone = {step.part for step in begun if step in plan.undo}
    half = undone | {step.part for step in begun if (plan.hash, step.name) not in done}
    moved = run.monitor.strange(plan, {step.part for step in begun} - half, half)
    if moved:
        raise Drifted(
            f"{run.stack.host} is not as this incident left it: {'; '.join(effect.words for effect in moved)}; somebody changed it since: "
            "look at what they did, then make a new plan, or undo by hand"
        )


def check_assumed(run: Run, plan: Plan) -> None:
    """Raises Drifted if the host is not as the plan assumed. Called just before the first change."""
    moved = run.monitor.moved(plan)
    run.folder.event("assumed", moved=[effect.__dict__ for effect in moved])
    if moved:
        words = "; ".join(f"{effect.name} was {effect.asked} when this was planned, and is {effect.found}" for effect in moved)
        raise Drifted(f"{run.stack.host} has changed since the plan was made: {words}; {clean_up(run, plan)}; make a new plan")


def apply(run: Run, plan: Plan, step: Step) -> None:
    """Run a step. If it fails, clean up or undo. Raises TargetRefused if it failed before the stack was changed, Failed if it failed
    after that, LockLost, LinkLost."""
    first = step.touches and not run.state.touched
    if first:
        run.monitor.open()
    try:
        result = run_step(run, plan, step)
    except NotStarted as error:
        step_failed(run, plan, str(error))
        return
    except KeyboardInterrupt:
        if not step.touches and run.executor.end(step) and not run.state.touched:
            raise KeyboardInterrupt(f"stopped in step {step.name}, which was ended on the host; {clean_up(run, plan)}") from None
        raise
    if result.status == 0:
        return
    if step.trial:
        run.console.line("▲ The trial failed: see the rows below.")
        return
    how = "was cut short" if run.state.cut_short(step.name) else "failed"
    sentence = f"step {step.name} {how} on {run.stack.host}, {said(result)}"
    if first and step.atomic and run.monitor.as_before(plan):
        run.auto_revert.disarm()
        raise Failed(f"{sentence}; it does all or nothing, and {clean_up(run, plan)}", restored=True)
    step_failed(run, plan, sentence)


def step_failed(run: Run, plan: Plan, sentence: str) -> None:
    """Handle a step that failed or was not started: raise what `apply` raises. If the rollback is verified already, only show
    `sentence`."""
    if run.state.verified and run.state.verified.ok:
        run.console.line(f"▲ {sentence}; the rollback itself is verified and stands.")
    elif run.state.touched:
        fail(run, plan, sentence)
    else:
        run.auto_revert.disarm()
        raise TargetRefused(f"{sentence}; nothing that serves was touched, and {clean_up(run, plan)}")


def clean_up(run: Run, plan: Plan) -> str:
    """Remove what the run made beside the stack. Returns in words how that went."""
    result = run.link.run(script(plan.cleanup), deadline=CLEANUP)
    if result.status == 0:
        run.folder.event("cleaned-up")
        return "the host is as it was"
    run.folder.event("cleanup-failed", ending=result.ending)
    return f"what this run made beside it could not all be removed ({said(result)})"


def run_step(run: Run, plan: Plan, step: Step) -> Result:
    """Run a step's commands, and show whether they succeeded and how long they took."""
    result = run.executor.run(step, plan.hash, run.auto_revert.guard)
    sign = "✔ done" if result.status == 0 else "✘ failed"
    run.console.line(f"{sign} in {times.exactly(result.seconds)}; {times.of_budget(run.seconds(), run.opening.budget)} used")
    return result


def not_verified(run: Run, plan: Plan, seen: Verification) -> NoReturn:
    """Say what is not as it should be. Raises TargetRefused if nothing was changed, else what `fail` raises."""
    wrong = [effect.words for effect in seen.effects if not effect.ok]
    if not seen.healthy:
        results = {route.name: [probe.ok for probe in seen.probes if probe.route == route.name] for route in run.stack.routes}
        wanted = results if plan.routes is None else results.keys() & plan.routes
        failing = sorted(name for name in wanted if not passes_in_a_row(results[name], seen.wanted))
        limit = times.given(run.stack.health.deadline)
        wrong.append(f"{', '.join(failing) or 'a route'} did not pass {seen.wanted} probes in a row in {limit}")
    if plan.nothing_to_do:
        raise TargetRefused(f"the target already runs, and it is not healthy: {'; '.join(wrong)}; choose another target")
    fail(run, plan, f"not verified: {'; '.join(wrong)}")


def fail(run: Run, plan: Plan, sentence: str) -> NoReturn:
    """End a rollback that failed after it changed the stack. If `on_failure` is "undo", undo it first. Raises Failed, which says in
    what state the host is."""
    run.folder.event("failed", error=sentence)
    if run.auto_revert.reverted():
        undone(run, plan, f"{sentence}; {run.stack.host} undid the rollback by itself")
    if run.opening.on_failure == "undo":
        run.console.line(f"✘ {sentence}")
        run.console.line("Undoing, as on_failure asks:")
        undo(run, plan, sentence)
    armed = run.state.armed
    way = f"{run.stack.host} undoes it by itself at {times.clock(armed)} UTC" if armed else "the way back is undo.sh"
    on = f"`rollback resume {run.opening.incident}` continues from there"
    raise Failed(f"{sentence}; the host is changed in part: {on}, {way}", restored=False)


def undo(run: Run, plan: Plan, sentence: str) -> NoReturn:
    """Undo the rollback, unless the host has undone it by itself. Raises Failed, which says how the undo went."""
    run.lock.take(
        take_over=False, plan=lambda: outcome.for_followers(plan, run.folder.redactor)
    )  # the lock was released if a cell was refused since the last step
    if run.auto_revert.disarm():
        for step in plan.undo:
            if (plan.hash, step.name) in run.state.done or (step.when is When.UNHEALTHY and run.monitor.healthy_soon(plan)):
                continue
            try:
                result = run_step(run, plan, step)
            except NotStarted as error:
                raise Failed(f"{sentence}; the undo failed as well, {error}: a person is needed", restored=False) from None
            if result.status != 0:
                words = f"the undo failed as well at {step.name}, {said(result)}"
                raise Failed(f"{sentence}; {words}: a person is needed", restored=False)
    undone(run, plan, sentence)


def undone(run: Run, plan: Plan, sentence: str) -> NoReturn:
    """After an undo, check whether the host is as it was before the run. Raises Failed, which says so."""
    try:
        effects = run.monitor.undone(plan)
    except Refused as error:
        raise Failed(
            f"{sentence}; every step of the undo was done, and what came of it could not be seen: {error}", restored=False
        ) from None
    run.folder.event("undone", effects=[effect.__dict__ | {"ok": effect.ok} for effect in effects])
    wrong = [effect.words for effect in effects if not effect.ok]
    if wrong:
        raise Failed(f"{sentence}; after the undo {'; '.join(wrong)}: a person is needed", restored=False)
    raise Failed(f"{sentence}; undone: the host is back in the state before this run", restored=True)
