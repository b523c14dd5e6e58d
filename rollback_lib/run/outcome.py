"""How a run ends, as a verdict and in words. Everything here is decided from the state of the run, without asking the host."""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from rollback_lib.errors import CommandFailed, Failed, LinkLost, RollbackError
from rollback_lib.plan.noted import Noted
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import When
from rollback_lib.record.state import RunState
from rollback_lib.record.verdict import NOT_ENDED, Verdict
from rollback_lib.run import needs
from rollback_lib.run.stages import Opening
from rollback_lib.secrets.redactor import Redactor
from rollback_lib.stack.model import Stack
from rollback_lib.text import times

T = TypeVar("T")
DIFF_LINES = 400  # of a diff, for those who follow the run
WORDS: dict[type[BaseException], str] = {KeyboardInterrupt: "stopped by who ran it"}
# Fields of Opening that record.json leaves out.
_OWN = ("folder", "usual", "reason", "break_glass", "named", "session", "process", "resumed")


def side_by_side(look: Callable[[], T]) -> Callable[[], T]:
    """Start `look` in a thread. Returns a function that waits for its result and returns it."""
    pool = ThreadPoolExecutor(1)
    answer = pool.submit(look)
    pool.shutdown(wait=False)
    return answer.result


def verdict_of(error: BaseException, state: RunState) -> Verdict:
    """The verdict of a run in this state that ends with this error. A job whose end is not known may still be running on the host;
    the verdict is then UNKNOWN."""
    verified = state.verified
    if isinstance(error, Failed):
        return Verdict.RESTORED if error.restored else Verdict.PARTLY
    if state.unheard or (state.touched and isinstance(error, LinkLost | CommandFailed)):
        return Verdict.UNKNOWN
    if state.touched:
        return Verdict.SUCCEEDED if verified and verified.ok else Verdict.PARTLY
    return Verdict.REFUSED if isinstance(error, RollbackError) else Verdict.ABORTED


def shown_clean(plan: Plan, redactor: Redactor) -> Plan:
    """The same plan with secrets hidden in the parts that only people read. Commands never hold secrets."""
    clean = redactor.clean
    return replace(
        plan, diff=clean(plan.diff), facts=tuple((clean(name), clean(value)) for name, value in plan.facts),
        loses=tuple(map(clean, plan.loses)), notes=tuple(map(clean, plan.notes)),
    )  # fmt: skip


def for_followers(plan: Plan, redactor: Redactor) -> str:
    """The text of the plan for those who follow the run: what is shown of it, in few bytes, since it is sent when every second counts."""
    shown = shown_clean(plan, redactor)
    lines = shown.diff.splitlines(keepends=True)
    return json.dumps(replace(shown, diff="".join(lines[:DIFF_LINES]), before={}, after={}).plain(), ensure_ascii=False)


def judge(mode: str, plan: Plan | None, state: RunState) -> tuple[Verdict, str]:
    """The verdict of a run that ended without an error, and the reason in a sentence."""
    seen = state.verified
    if state.ended:
        return state.verdict, state.reason
    if state.found:
        return state.found.verdict, state.found.reason
    if mode == "plan":
        return Verdict.PLANNED, "planned only; the host was not changed"
    if plan is not None and plan.nothing_to_do and seen and seen.ok:
        return Verdict.NOTHING_TO_DO, "the target already runs, and it is healthy"
    if state.touched and seen and seen.ok:
        as_then = f"; not healthy, as then: {', '.join(seen.ill)}" if seen.ill else ""
        routes = "every route is healthy" if seen.all_routes else f"the routes that passed then pass{as_then}"
        return Verdict.SUCCEEDED, f"the effect is the one asked for, and {routes}"
    if state.touched:
        return Verdict.PARTLY, "steps were applied, but not verified"
    if state.begun and state.verdict is Verdict.REFUSED:
        return state.verdict, state.reason  # a step that proves the target has failed
    return Verdict.REFUSED, "no step was applied"


def left(state: RunState, host: str) -> str:
    """In words, the state in which a run that has ended or stopped left the host."""
    if state.unheard:
        return f"a step may still be running on {host}"
    if state.verdict is Verdict.RESTORED:
        return f"{host} is back in the state before this run"
    if state.verdict is Verdict.SUCCEEDED:
        return f"{host} is rolled back, and that was verified"
    return f"{host} is changed by the steps that ran" if state.touched else f"nothing that serves on {host} was changed"


def steps(plan: Plan, state: RunState) -> dict[str, str]:
    """The name of each step of the plan, and of each undo step that began, with how far it came in words."""
    begun, done, found = state.begun, state.done, {}
    for step in (*plan.steps, *(undo for undo in plan.undo if undo.name in begun)):
        if step.skip:
            word = "not needed"
        elif (plan.hash, step.name) in done:
            word = "done"
        elif step.name not in begun:
            word = "not begun" + (": it is only for routes that do not pass by themselves" if step.when is When.UNHEALTHY else "")
        elif begun[step.name] is None:
            word = "begun, its end is not known: it may be half done"
        else:
            word = "failed, it may be half done"
        found[step.name] = word
    return found


def next_actions(opening: Opening, stack: Stack, plan: Plan | None, verdict: Verdict, folder: Path) -> tuple[str, ...]:
    """What a person should do next, a sentence each; none if there is nothing left to do."""
    host = stack.host
    config = f"-F {stack.ssh_file} " if stack.ssh_file else ""
    way_back = f"ssh {config}{host} sh -s <{folder}/undo.sh"
    planned = plan if verdict is Verdict.PLANNED and plan and not plan.nothing_to_do else None
    if planned and (because := needs.why(stack, planned)):
        return (
            f"Another person has to approve it, since {because}. The same run with `--apply --confirm {host} --plan {planned.hash}` asks "
            f"for that, and says what they type; in a notebook, set mode to apply and reviewed to {planned.hash}.",
        )
    if planned:
        return (
            f"To apply exactly this plan: the same run with `--apply --confirm {host} --plan {planned.hash}`; in a notebook, set mode to "
            f"apply and reviewed to {planned.hash}.",
        )
    if verdict is Verdict.SUCCEEDED:
        back = f"To undo it: `rollback undo {opening.incident}`; by hand: `{way_back}`."
        return (*(plan.notes if plan else ()), *((back,) if plan and plan.undo else ()))
    if verdict in (Verdict.PARTLY, Verdict.UNKNOWN) and plan and plan.touches:
        return (
            f"`rollback resume {opening.incident}` says how far it came, and continues from there.",
            f"The way back is `{way_back}`.",
            f"If something else is wrong as well, look again: `rollback run triage --stack {opening.named or stack.name}`.",
        )
    return ()


def to_approve(opening: Opening, plan: Plan, asking: Mapping[str, Any]) -> tuple[str, ...]:
    """What the two people do next whose run waits for an approval."""
    until = times.clock(datetime.fromisoformat(asking["until"]))
    then, instead = f"the same run again, with `--plan {plan.hash}`", "the same run with `--break-glass REASON`"
    if opening.session:
        then, instead = (
            "type the host's name into the box, then run the cells below",
            "give `break_glass` a reason, and run all cells again",
        )
    return (
        f"Another person, who may approve: `rollback approve {asking['incident']} --stack {opening.named}`. It shows the plan, and how to "
        f"approve it until {until} UTC.",
        f"After that: {then}.",
        f"In an emergency, without: {instead}; everybody who is notified is told.",
    )


def record(opening: Opening, state: RunState) -> dict[str, Any]:
    """The head of record.json."""
    now = datetime.now(UTC)
    return {
        **({"break_glass": state.break_glass} if state.break_glass else {}),
        "verdict": state.verdict, "status": state.verdict.status, "reason": state.reason, "written": now.isoformat(timespec="seconds"),
        **{name: value for name, value in opening.__dict__.items() if name not in _OWN},
        "because": opening.reason,
    }  # fmt: skip


def told(state: RunState) -> str:
    """How a run ended, in a line of JSON for those who follow it; "" if it has not."""
    if state.reason == NOT_ENDED:
        return ""
    return json.dumps({"verdict": state.verdict, "status": state.verdict.status, "reason": state.reason}, ensure_ascii=False)


def detail(plan: Plan | None, state: RunState) -> dict[str, Any]:
    """The part of record.json about the plan, its steps and the result."""
    known: dict[str, Any] = {}
    if plan:
        known |= {"target": plan.target, "plan": plan.hash, "before": Noted.shown(plan.before), "steps": steps(plan, state)}
    if state.verified:
        known |= {"healthy": state.verified.healthy, "effects": list(state.verified.effects)}
    if state.found:
        known["found"] = dict(state.found.data)
    return known
