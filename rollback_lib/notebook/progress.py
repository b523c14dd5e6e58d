"""How far a run is, in one line: for the bar that stays in sight while a person reads further down or up."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from rollback_lib.errors import NotApproved, NotConfirmed
from rollback_lib.record.verdict import NOT_ENDED, Verdict
from rollback_lib.run.console import Followed
from rollback_lib.text import times


@dataclass(frozen=True)
class Progress:
    """`words` say where the run stands, and `level` how good that is: good, warn, bad or info. `routes` are their names, and whether each
    passes. `gate`: it waits for a person's confirmation. `stop`: a step runs, after which a person can stop it. `over`: it has a verdict,
    so that nothing is left but to close its record."""

    level: str
    words: str
    routes: tuple[tuple[str, bool], ...]
    gate: bool = False
    stop: bool = False
    over: bool = False


def progress(run: Followed, routes: Mapping[str, bool], now: datetime | None = None) -> Progress:
    """Where the run stands. `now` is the present time unless it is given."""
    state, plan, passes = run.state, run.plan, tuple(sorted(routes.items()))
    said = f"{state.verdict}: {state.reason}" if state.reason != NOT_ENDED else ""
    if state.ended or (said and state.verdict is not Verdict.REFUSED):
        return Progress(state.verdict.level, said, passes, over=True)
    titles = {step.name: step.title for step in (*plan.steps, *plan.undo)} if plan else {}
    if state.unheard:
        attempt = state.unheard[-1]
        since = times.about(((now or datetime.now(UTC)) - attempt.begin).total_seconds())
        words = f"{titles.get(attempt.step, attempt.step)}: {since} so far; {spent(run)}"
        return Progress("warn" if state.stopping else "info", words + _stopping(run), passes, stop=not state.stopping)
    if _refused(run):
        return Progress("warn", said, passes, over=True)
    if plan is None or plan.nothing_to_do or run.opening.mode == "plan":
        looks = "nothing is changed: this run only looks and plans" if run.opening.mode == "plan" else "looking; nothing is changed so far"
        return Progress("warn" if said else "info", said or looks, passes)
    if state.confirmed != plan.hash:
        whom = "for an approval, and for you" if state.asking else "for you"
        return Progress("warn", f"waits {whom} to confirm the plan; nothing is changed so far", passes, gate=True)
    if state.loses:
        return Progress("warn", "waits for you to accept what is lost; nothing that serves is changed so far", passes, gate=True)
    left = [step for step in plan.steps if not step.skip and (plan.hash, step.name) not in state.done]
    following = f"next: {left[0].title}" if left else "all steps are done"
    return Progress("info", f"{following}; {spent(run)}{_stopping(run)}", passes)


def _refused(run: Followed) -> bool:
    """Whether a cell was refused for something else than what a gate asks for, and the run has not gone on since."""
    for event in reversed(run.events()):
        if event["event"] in ("target", "confirmed", "accepted", "goes-on"):
            return False
        if event["event"] == "error":
            return event["type"] not in (NotConfirmed.__name__, NotApproved.__name__)
    return False


def spent(run: Followed) -> str:
    """How much of the budget is used, beside what is usual."""
    usual = f"usually {times.about(median(run.opening.usual))}" if run.opening.usual else "no earlier run here"
    return f"{times.about(run.seconds())} of the budget of {times.given(run.opening.budget)}; {usual}"


def _stopping(run: Followed) -> str:
    return "; it stops after this step" if run.state.stopping else ""
