"""What earlier records say of how long things take."""

from pathlib import Path

from rollback_lib.record.chain import SEALED, Chain
from rollback_lib.record.history import usual_steps
from tests.builders import stories
from tests.builders.stories import KEEP, TREE


def recorded(root: Path, number: int, verdict: str = "succeeded") -> None:
    """A run whose steps took `number` seconds and twice as many."""
    record = stories.Record(root / str(number))
    for step, seconds in ((KEEP, number), (TREE, 2 * number)):
        record.begin(step)
        record.event("step-end", step=step.name, job=step.name, plan="p", ending={"kind": "exited", "number": 0}, seconds=seconds)
    Chain(root).enter(SEALED, record.folder.path, {**record.head, "verdict": verdict, "seconds": 9.0})


def test_a_step_usually_takes_the_median_of_the_latest_successful_runs(tmp_path: Path) -> None:
    for number in (100, 3, 1, 2):
        recorded(tmp_path, number)
    recorded(tmp_path, 50, "failed-partly")
    assert usual_steps(tmp_path, "code", "dyniq-voice", most=3) == {"keep": 2, "restore_tree": 4}
    assert usual_steps(tmp_path, "code", "dyniq-voice", most=1) == {"keep": 2, "restore_tree": 4}
    assert usual_steps(tmp_path, "env", "dyniq-voice") == usual_steps(tmp_path, "code", "another") == {}


def test_a_record_that_was_pruned_tells_nothing(tmp_path: Path) -> None:
    recorded(tmp_path, 1)
    for file in tmp_path.rglob("events.jsonl"):
        file.unlink()
    assert usual_steps(tmp_path, "code", "dyniq-voice") == {}
