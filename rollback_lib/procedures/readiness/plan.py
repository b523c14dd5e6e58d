"""The plan of readiness: try what each procedure can try, drop what that made, and keep what is healthy now."""

from rollback_lib.facts.host import Unanswered
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import Changes, Step, When
from rollback_lib.procedures import mark
from rollback_lib.procedures.common import holding, snapshots
from rollback_lib.procedures.common.readiness import DROP, REMEMBER, Trials
from rollback_lib.procedures.readiness.noted import After
from rollback_lib.procedures.readiness.state import NAME, State, Target
from rollback_lib.procedures.registry import of_readiness, with_readiness

NOT_KEPT = "nothing is new since the last time, or what runs is not known"


def plan(now: State, target: Target, *, incident: str) -> Plan:
    """The plan with all trials. None of them changes the stack."""
    stack, trials = now.stack, _trials(now, target, incident)
    drop = tuple(command for _, one in trials.values() for command in one.drop)
    remember = _remember(now, incident)
    steps = (
        *_steps(trials),
        Step(DROP, "Drop what was restored", "It was only a trial.", drop, changes=Changes.TRIAL, deadline=300.0,
             skip=None if drop else "nothing was restored"),
        remember,
    )  # fmt: skip
    return Plan(
        procedure=NAME, incident=incident, stack=stack.name, host=stack.host, target=target.name, steps=steps, undo=(),
        cleanup=tuple(command for _, one in trials.values() for command in one.cleanup),
        facts=(("host", stack.host), ("changes", "nothing that serves")),
        after=After(restored={label: one.made for label, (_, one) in trials.items() if one.made}, unkept=remember.skip).plain(),
    )  # fmt: skip


def restores(plan: Plan) -> tuple[Step, ...]:
    """The trials of which a stack can have any number, such as the restore of a backup. Each of the others has a cell of its own."""
    own = {DROP, *(untried.name for _, one in with_readiness() if (untried := one.untried))}
    return tuple(step for step in plan.steps if step.changes is Changes.TRIAL and step.name not in own)


def _trials(now: State, target: Target, incident: str) -> dict[str, tuple[str, Trials]]:
    """The name of the procedure and its trials, by the label of the part. A part whose state or target is not known has none."""
    found = {}
    for part, one in of_readiness(now.stack):
        state, chosen = now.states[part.label], target.found[part.label]
        if not isinstance(state, Unanswered) and not isinstance(chosen, Unanswered):
            found[part.label] = part.procedure.name, one.trials(state, chosen, incident)
    return found


def _steps(trials: dict[str, tuple[str, Trials]]) -> list[Step]:
    found: list[Step] = []
    for procedure, one in with_readiness():
        steps = [step for name, trial in trials.values() if name == procedure.name for step in trial.steps]
        found += steps or ([one.untried] if one.untried else [])
    return found


def _remember(now: State, incident: str) -> Step:
    title, why = "Keep what is healthy", "The next rollback goes back to it: release, env file, Caddyfile."
    commands = [] if isinstance(now.release, Unanswered) else mark.known_good(now.release, incident)
    hold = holding.hold(now.stack)
    if not commands:
        loose = not isinstance(now.stock, Unanswered) and now.stock.loose
        return Step(REMEMBER, title, why, (hold,) if loose else (), skip=None if loose else NOT_KEPT, when=When.HEALTHY)
    return Step(REMEMBER, title, why, (snapshots.folders(now.stack, "kept"), *commands, hold), when=When.HEALTHY)
