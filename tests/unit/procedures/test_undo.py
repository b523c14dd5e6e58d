"""Undo without a host: what counts as moved on, and which run can be undone."""

import json
from pathlib import Path

import pytest

from rollback_lib.errors import ParameterError
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.plan import FORMAT, Plan, Rationale
from rollback_lib.plan.step import Step
from rollback_lib.procedures import undo
from rollback_lib.procedures.undo.noted import After, Side
from rollback_lib.procedures.undo.root import Root
from rollback_lib.procedures.undo.state import strange
from rollback_lib.record.folder import Folder
from rollback_lib.record.manifest import seal
from rollback_lib.record.verdict import Verdict
from tests.builders.plans import changing, plan, step
from tests.builders.stack import STACK

GOOD, OTHER = Effect("commit", "b", "b"), Effect("commit", "b", "c")
DOWN = Effect("state of the container", "running", "restarting", condition=True)


def test_how_well_it_runs_does_not_keep_a_run_from_being_undone() -> None:
    assert strange([GOOD, DOWN], [], half=False) == []
    assert strange([OTHER, DOWN], [], half=False) == [OTHER]


def test_a_run_that_was_cut_off_left_each_thing_as_before_or_as_after() -> None:
    before = Effect("commit", "c", "c")
    assert strange([OTHER], [before], half=True) == []
    assert strange([OTHER], [before], half=False) == [OTHER]
    neither = Effect("commit", "a", "c")
    assert strange([OTHER], [neither], half=True) == [OTHER]


def made(*, undo_steps: tuple[Step, ...] = (changing("undo_tree"),)) -> Plan:
    rationale = Rationale("a commit", "the one before", True)
    return plan(step("keep"), changing("restore_tree"), undo=undo_steps, incident="aaaaaa", routes=("api",), rationale=rationale)


def record(root: Path, verdict: str, chosen: Plan | None, *, touched: bool = True) -> Folder:
    folder = Folder.create("code", root)
    folder.event("open", who="someone", mode="apply")
    folder.event("probe", route="agents-api", ok=False)
    folder.event("probe", route="ruben-api", ok=True)
    if touched:
        folder.event("step-begin", step="restore_tree", job="restore_tree", plan="abc", touches=True)
        folder.event("probe", route="agents-api", ok=True)
    folder.write("stack.json", STACK.model_dump_json(exclude_unset=True))
    if chosen:
        folder.write("plan.json", chosen.json())
    folder.write_record({"verdict": verdict, "who": "someone", "because": "calls fail"})
    seal(folder.path, root, folder.record())
    return folder


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROLLBACK_INCIDENTS", str(tmp_path))
    return tmp_path


def test_a_run_as_its_record_has_it(root: Path) -> None:
    found = undo.origin(record(root, "succeeded", made()).id)
    assert found.plan == made()
    assert (found.verdict, found.half, found.routes, found.because) == (Verdict.SUCCEEDED, False, ("ruben-api",), "calls fail")
    assert undo.origin(record(root, "failed-partly", made()).id).half


@pytest.mark.parametrize(
    ("verdict", "chosen", "touched", "said"),
    [
        ("planned", made(), True, "only planned"),
        ("nothing-to-do", made(), True, "found nothing to do"),
        ("failed-restored", made(), True, "is undone already"),
        ("refused", made(), True, "refused before it changed anything"),
        ("succeeded", None, True, "made no plan"),
        ("unknown", made(), False, "changed nothing that serves"),
        ("succeeded", made(undo_steps=()), True, "had not finished, so there is nothing to redo"),
    ],
)
def test_a_run_without_anything_to_undo_is_refused(root: Path, verdict: str, chosen: Plan | None, touched: bool, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        undo.origin(record(root, verdict, chosen, touched=touched).id)


def test_the_undo_of_an_undo_leads_to_the_other_side() -> None:
    first = Root.of(made())
    assert first.side is Side.AFTER
    back = plan(procedure="undo", incident="bbbbbb", after=After(root=made(), side=first.side.other, half=False).plain())
    assert (Root.of(back).side, Root.of(back).side.other, Root.of(back).plan) == (Side.BEFORE, Side.AFTER, made())


def test_a_plan_of_another_version_is_refused_and_the_way_by_hand_named() -> None:
    """What it would have to be compared with was noted in another way: an undo could not tell whether it came about."""
    for other in (None, 3, FORMAT + 1, "4"):
        old = {**json.loads(made().json()), "format": other}
        with pytest.raises(ParameterError, match=r"another version of rollback; undo it by hand with the record's undo\.sh"):
            Plan.from_json(json.dumps(old))
        del old["format"]
        with pytest.raises(ParameterError, match=r"another version of rollback; undo it by hand with the record's undo\.sh"):
            Plan.from_json(json.dumps(old))
    assert Plan.from_json(made().json()) == made()


@pytest.mark.parametrize("incident", ["", "a b", "x;y", 3])
def test_an_incident_is_named_by_an_id(incident: object) -> None:
    with pytest.raises(ParameterError, match="incident: an id"):
        undo.check(STACK, incident)
