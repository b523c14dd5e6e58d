"""How a run ends: the verdict for every way in which it can end, and the words for it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rollback_lib.errors import CommandFailed, Drifted, Failed, LinkLost, LockLost, NotConfirmed, ParameterError, RollbackError
from rollback_lib.host.ending import Ending, Kind
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import When
from rollback_lib.record.folder import Folder
from rollback_lib.record.state import RunState
from rollback_lib.record.verdict import NOT_ENDED, Verdict
from rollback_lib.run import outcome
from rollback_lib.run.incident import Incident
from rollback_lib.run.monitor import Monitor
from rollback_lib.secrets.redactor import HIDDEN, Redactor
from tests.builders.events import NOT_OK, Event, begin, end, verdict, verified
from tests.builders.looks import Looks
from tests.builders.plans import changing, echo, plan, step
from tests.builders.runs import Host, finding, opening
from tests.builders.stack import HOST, STACK

# How far a run came.
NOTHING: list[Event] = []
BUILT = [begin("build", touches=False), end("build")]
BUILDING = [begin("build", touches=False)]
CHANGED = [begin("swap"), end("swap")]
CHANGING = [begin("swap")]
FAILED_IN_IT = [begin("swap"), end("swap", NOT_OK)]
WELL, ILL = verified(), verified(ok=False)
LOOKED = verified(applied=False)  # nothing was changed, and the routes pass
VERIFIED = [*CHANGED, WELL]
REMEMBERING = [*VERIFIED, begin("remember", touches=False)]

REFUSED, ABORTED, UNKNOWN = Verdict.REFUSED, Verdict.ABORTED, Verdict.UNKNOWN
PARTLY, RESTORED, SUCCEEDED = Verdict.PARTLY, Verdict.RESTORED, Verdict.SUCCEEDED

# How far the run came → its verdict if it is then refused, is stopped by a person, loses the lock or the connection, or a command fails.
ERRORS = (Drifted("it moved"), KeyboardInterrupt(), LockLost("taken over"), LinkLost("lost"), CommandFailed("exit status 1"))
CUT_SHORT = [
    ("nothing was done", NOTHING, (REFUSED, ABORTED, REFUSED, REFUSED, REFUSED)),
    ("a step beside the stack was done", BUILT, (REFUSED, ABORTED, REFUSED, REFUSED, REFUSED)),
    ("a step beside the stack may be running", BUILDING, (UNKNOWN,) * 5),
    ("it only looked", [LOOKED], (REFUSED, ABORTED, REFUSED, REFUSED, REFUSED)),
    ("the stack was changed", CHANGED, (PARTLY, PARTLY, PARTLY, UNKNOWN, UNKNOWN)),
    ("the step that changes the stack failed", FAILED_IN_IT, (PARTLY, PARTLY, PARTLY, UNKNOWN, UNKNOWN)),
    ("the step that changes the stack may be running", CHANGING, (UNKNOWN,) * 5),
    ("it was not verified", [*CHANGED, ILL], (PARTLY, PARTLY, PARTLY, UNKNOWN, UNKNOWN)),
    ("it was verified", VERIFIED, (SUCCEEDED, SUCCEEDED, SUCCEEDED, UNKNOWN, UNKNOWN)),
    ("the step after the verification may be running", REMEMBERING, (UNKNOWN,) * 5),
    ("it was verified, and has to be seen again", [*VERIFIED, {"event": "resumed"}], (PARTLY, PARTLY, PARTLY, UNKNOWN, UNKNOWN)),
]


@pytest.mark.parametrize(
    ("events", "error", "found"),
    [(events, error, found) for _, events, verdicts in CUT_SHORT for error, found in zip(ERRORS, verdicts, strict=True)],
    ids=[f"{words}, {type(error).__name__}" for words, _, _ in CUT_SHORT for error in ERRORS],
)
def test_what_an_error_makes_of_a_run(events: list[Event], error: BaseException, found: Verdict) -> None:
    assert outcome.verdict_of(error, RunState.of(events)) is found


@pytest.mark.parametrize("restored", [True, False])
@pytest.mark.parametrize("events", [NOTHING, CHANGED, CHANGING, VERIFIED])
def test_a_rollback_that_failed_says_itself_whether_the_host_is_as_before(events: list[Event], restored: bool) -> None:
    assert outcome.verdict_of(Failed("no", restored=restored), RunState.of(events)) is (RESTORED if restored else PARTLY)


@pytest.mark.parametrize("error", [NotConfirmed("no"), ParameterError("no"), RollbackError("no")], ids=lambda one: type(one).__name__)
def test_what_we_refuse_is_refused_and_what_nobody_expected_is_aborted(error: RollbackError) -> None:
    assert outcome.verdict_of(error, RunState()) is REFUSED
    assert outcome.verdict_of(ZeroDivisionError(), RunState()) is ABORTED


NOT_NEEDED = plan(nothing_to_do=True)
FULL = plan(changing("swap"))
ONLY_SOME = verified(all_routes=False, ill=["ruben-api"])

# How far a run came that ended without an error → its verdict, and why. What was concluded counts first, then what was found, then the
# mode.
ENDS = [
    ("apply", FULL, NOTHING, REFUSED, "no step was applied"),
    ("apply", None, NOTHING, REFUSED, "no step was applied"),
    ("apply", FULL, BUILT, REFUSED, "no step was applied"),
    ("apply", FULL, [LOOKED], REFUSED, "no step was applied"),
    ("apply", FULL, CHANGED, PARTLY, "steps were applied, but not verified"),
    ("apply", FULL, [*CHANGED, ILL], PARTLY, "steps were applied, but not verified"),
    ("apply", FULL, VERIFIED, SUCCEEDED, "the effect is the one asked for, and every route is healthy"),
    ("apply", FULL, [*CHANGED, verified(all_routes=False)], SUCCEEDED,
     "the effect is the one asked for, and the routes that passed then pass"),
    ("apply", FULL, [*CHANGED, ONLY_SOME], SUCCEEDED,
     "the effect is the one asked for, and the routes that passed then pass; not healthy, as then: ruben-api"),
    ("apply", NOT_NEEDED, [WELL], Verdict.NOTHING_TO_DO, "the target already runs, and it is healthy"),
    ("apply", NOT_NEEDED, [ILL], REFUSED, "no step was applied"),
    ("apply", NOT_NEEDED, NOTHING, REFUSED, "no step was applied"),
    ("plan", FULL, NOTHING, Verdict.PLANNED, "planned only; the host was not changed"),
    ("plan", FULL, [LOOKED], Verdict.PLANNED, "planned only; the host was not changed"),
    ("plan", NOT_NEEDED, [LOOKED], Verdict.PLANNED, "planned only; the host was not changed"),
    ("plan", None, [{"event": "found", "verdict": "looked", "reason": "healthy"}], Verdict.LOOKED, "healthy"),
    ("plan", None, [{"event": "found", "verdict": "not-ready", "reason": "2 points"}], Verdict.NOT_READY, "2 points"),
    ("apply", FULL, [*CHANGED, verdict("failed-restored", "undone")], RESTORED, "undone"),
    ("apply", FULL, [*CHANGED, verdict("failed-partly", "no")], PARTLY, "no"),
    ("apply", FULL, [*VERIFIED, verdict("unknown", "lost")], UNKNOWN, "lost"),
    ("plan", FULL, [verdict("unknown", "lost")], UNKNOWN, "lost"),
    ("apply", FULL, [verdict("refused", "not confirmed"), *VERIFIED], SUCCEEDED,
     "the effect is the one asked for, and every route is healthy"),
]  # fmt: skip


@pytest.mark.parametrize(("mode", "chosen", "events", "found", "why"), ENDS)
def test_what_a_run_comes_to_that_ends_without_an_error(
    mode: str, chosen: Plan | None, events: list[Event], found: Verdict, why: str
) -> None:
    assert outcome.judge(mode, chosen, RunState.of(events)) == (found, why)


# -- the same, by a run -----------------------------------------------------------------------------------------------

OLD, NEW = Effect("containers", "old", "old"), Effect("containers", "old", "new")
BOTH = plan(step("build"), changing("swap"), undo=(changing("undo_swap"),), cleanup=(echo("clean up"),))
STILL = f"a step may still be running on {HOST}"

# How a step's job ends, or what comes in the way → the verdict where the step is beside the stack, and where it changes it: when the
# run is to stop then, and when it is to undo.
ENDINGS = [
    (Ending.exited(1), REFUSED, PARTLY, RESTORED),
    (Ending(Kind.DEADLINE, 120), REFUSED, PARTLY, RESTORED),
    (Ending(Kind.SIGNAL, 9), REFUSED, PARTLY, RESTORED),
    (Ending(Kind.LOST), REFUSED, PARTLY, RESTORED),
    (LinkLost("the connection is lost"), UNKNOWN, UNKNOWN, UNKNOWN),
    (LockLost("somebody took it over"), UNKNOWN, UNKNOWN, UNKNOWN),
    (KeyboardInterrupt(), ABORTED, UNKNOWN, UNKNOWN),
]


@pytest.mark.parametrize("name", ["build", "swap", "swap, and undo"])
@pytest.mark.parametrize(
    ("ends", "beside", "stops", "undoes"), ENDINGS, ids=[getattr(ends, "words", type(ends).__name__) for ends, *_ in ENDINGS]
)
def test_how_a_job_ends_is_how_its_run_ends(
    incident: Incident, host: Host, monkeypatch: pytest.MonkeyPatch, name: str, ends: Any, beside: Verdict, stops: Verdict, undoes: Verdict
) -> None:
    failing, _, undo = name.partition(", and ")
    expected = beside if failing == "build" else undoes if undo else stops
    monkeypatch.setattr(Monitor, "open", lambda _: None)
    finding(incident, undo_effects=Looks([OLD]))
    monkeypatch.setattr(incident._run, "opening", opening(incident._run.folder, on_failure=undo or "stop"))
    host.ends[failing] = ends
    incident.confirm(BOTH, HOST)
    if failing != "build":
        incident.apply(BOTH.build)
    with pytest.raises((RollbackError, KeyboardInterrupt)):
        incident.apply(getattr(BOTH, failing))
    record = incident._run.folder.record()
    assert (record["verdict"], record["status"]) == (expected, expected.status)
    assert (STILL in record["reason"]) is (expected is UNKNOWN)
    assert any("echo undo_swap" in script for script in host.ran) is (expected is RESTORED)
    assert any("echo 'clean up'" in script for script in host.ran) is (failing == "build" and expected is not UNKNOWN)
    # Nobody else is to change a stack on which a step may be running.
    assert ("lock", "released") in [(event["event"], event.get("how")) for event in incident._run.events()] or expected is UNKNOWN
    assert RunState.of(incident._run.events()).verdict is expected


# -- in words ---------------------------------------------------------------------------------------------------------

LEFT = [
    (NOTHING, f"nothing that serves on {HOST} was changed"),
    (BUILT, f"nothing that serves on {HOST} was changed"),
    (BUILDING, STILL),
    (CHANGED, f"{HOST} is changed by the steps that ran"),
    (CHANGING, STILL),
    ([*CHANGED, verdict("failed-restored")], f"{HOST} is back in the state before this run"),
    ([*CHANGED, verdict("failed-partly")], f"{HOST} is changed by the steps that ran"),
    ([*VERIFIED, verdict("succeeded")], f"{HOST} is rolled back, and that was verified"),
    ([*CHANGING, verdict("failed-restored")], STILL),
    ([verdict("planned")], f"nothing that serves on {HOST} was changed"),
]


@pytest.mark.parametrize(("events", "words"), LEFT)
def test_in_what_state_a_host_is_left(events: list[Event], words: str) -> None:
    assert outcome.left(RunState.of(events), HOST) == words


def test_each_step_says_how_far_it_came() -> None:
    chosen = plan(
        step("skipped", skip="there is nothing to keep"), step("kept"), changing("swapped"), changing("failed"), step("running"),
        step("waiting"), changing("restart", when=When.UNHEALTHY), undo=(changing("undo_swap"), changing("undo_kept")),
    )  # fmt: skip
    known = {"plan": chosen.hash}
    events = [
        begin("kept", **known), end("kept", **known), begin("swapped"), end("swapped"),  # by another plan, which does not count
        begin("failed", **known), end("failed", NOT_OK, **known), begin("running", **known), begin("undo_swap", **known),
        end("undo_swap", **known),
    ]  # fmt: skip
    assert outcome.steps(chosen, RunState.of(events)) == {
        "skipped": "not needed",
        "kept": "done",
        "swapped": "failed, it may be half done",
        "failed": "failed, it may be half done",
        "running": "begun, its end is not known: it may be half done",
        "waiting": "not begun",
        "restart": "not begun: it is only for routes that do not pass by themselves",
        "undo_swap": "done",
    }


def next_of(found: Verdict, chosen: Plan | None, folder: Folder, stack: Any = STACK) -> str:
    return " ".join(outcome.next_actions(opening(folder), stack, chosen, found, folder.path))


def test_what_is_left_to_do_for_a_person(tmp_path: Path) -> None:
    folder = Folder.create("code", tmp_path)
    by_hand = f"ssh {HOST} sh -s <{folder.path}/undo.sh"
    assert f"`--apply --confirm {HOST} --plan {BOTH.hash}`" in next_of(Verdict.PLANNED, BOTH, folder)
    assert next_of(Verdict.PLANNED, replace(BOTH, nothing_to_do=True), folder) == ""
    for found in (PARTLY, UNKNOWN):
        assert f"`rollback resume {folder.id}`" in next_of(found, BOTH, folder)
        assert by_hand in next_of(found, BOTH, folder)
    noted = plan(changing("swap"), undo=(changing("undo_swap"),), notes=("Tell the team.",))
    assert next_of(SUCCEEDED, noted, folder) == f"Tell the team. To undo it: `rollback undo {folder.id}`; by hand: `{by_hand}`."
    assert next_of(SUCCEEDED, plan(changing("swap"), notes=("Tell the team.",)), folder) == "Tell the team."
    configured = STACK.model_copy(update={"ssh_config": "/etc/ssh/own"})
    assert f"ssh -F /etc/ssh/own {HOST} sh -s" in next_of(PARTLY, BOTH, folder, configured)
    for found in (REFUSED, ABORTED, RESTORED, Verdict.NOTHING_TO_DO, Verdict.LOOKED):
        assert next_of(found, BOTH, folder) == ""
    for found in Verdict:
        assert next_of(found, None, folder) == ""


def test_a_record_begins_as_unknown_and_says_how_the_incident_was_opened(tmp_path: Path) -> None:
    folder = Folder.create("code", tmp_path)
    opened = opening(folder, reason="calls fail", parameters={"target": "abc"}, usual=(3.0,), session="copy.ipynb", process=7)
    head = outcome.record(opened, RunState())
    assert (head["verdict"], head["status"], head["reason"], head["because"]) == (UNKNOWN, 6, NOT_ENDED, "calls fail")
    assert (head["incident"], head["procedure"], head["mode"], head["parameters"]) == (folder.id, "code", "apply", {"target": "abc"})
    assert head.keys().isdisjoint({"folder", "usual", "session", "process", "resumed"})


def test_a_record_has_the_plan_and_what_came_of_it() -> None:
    effects = [{"name": "image", "ok": True}]
    chosen = plan(changing("swap"), before={"image": "old"})
    swapped = [begin("swap", plan=chosen.hash), end("swap", plan=chosen.hash)]
    assert outcome.detail(None, RunState()) == {}
    assert outcome.detail(chosen, RunState.of([*swapped, verified(effects=effects)])) == {
        "target": "x", "plan": chosen.hash, "before": {"image": "old"}, "steps": {"swap": "done"}, "healthy": True, "effects": effects,
    }  # fmt: skip
    found = {"event": "found", "at": "now", "verdict": "looked", "reason": "healthy", "next": [], "fits": ["code"]}
    assert outcome.detail(None, RunState.of([found])) == {"found": {"fits": ["code"]}}


def test_a_plan_is_shown_without_secrets_and_runs_as_it_was() -> None:
    redactor = Redactor()
    redactor.protect(["hunter2-hunter2"])
    said = "with hunter2-hunter2 in it"
    chosen = plan(changing("swap"), diff=said, facts=((said, said),), loses=(said,), notes=(said,))
    shown = outcome.shown_clean(chosen, redactor)
    clean = f"with {HIDDEN} in it"
    assert (shown.diff, shown.facts, shown.loses, shown.notes) == (clean, ((clean, clean),), (clean,), (clean,))
    assert (shown.hash, shown.steps) == (chosen.hash, chosen.steps)


def test_what_is_looked_at_side_by_side_is_told_when_it_is_asked_for() -> None:
    def failing() -> None:
        raise Drifted("it moved")

    assert outcome.side_by_side(lambda: 7)() == 7
    answer = outcome.side_by_side(failing)
    with pytest.raises(Drifted, match="it moved"):
        answer()


def test_those_who_follow_get_the_plan_without_secrets_and_what_only_an_undo_needs() -> None:
    redactor = Redactor()
    redactor.protect(["hunter2-hunter2"])
    lines = "".join(f"+line {number} hunter2-hunter2\n" for number in range(2 * outcome.DIFF_LINES))
    chosen = plan(changing("swap"), diff=lines, before={"image": "old"}, after={"image": "new"})
    shown = Plan.from_json(outcome.for_followers(chosen, redactor))
    assert (shown.hash, shown.steps, shown.before, shown.after) == (chosen.hash, chosen.steps, {}, {})
    assert (shown.diff.count("\n"), "hunter2" in shown.diff, HIDDEN in shown.diff) == (outcome.DIFF_LINES, False, True)


def test_those_who_follow_are_told_how_it_ended_once_it_has() -> None:
    assert outcome.told(RunState()) == ""
    assert outcome.told(RunState.of([verdict("succeeded"), {"event": "goes-on"}])) == ""
    assert outcome.told(RunState.of([verdict("failed-partly", "half")])) == '{"verdict": "failed-partly", "status": 5, "reason": "half"}'
