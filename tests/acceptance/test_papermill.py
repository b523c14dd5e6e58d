"""The notebook under plain papermill, as docs/jupyterlab-and-papermill.md shows it."""

import json
from pathlib import Path

from tests.machine import Machine


def test_plan_then_apply(broken: Machine, tmp_path: Path) -> None:
    before, good = broken.listing(), broken.ssh("git -C /opt/dyniq-voice rev-parse HEAD~1")
    planned = broken.papermill(tmp_path / "plan.ipynb", "-r", "target", good[:7])
    assert planned.returncode == 0, planned.stderr
    assert broken.listing() == before

    applied = broken.papermill(tmp_path / "apply.ipynb", "-r", "target", good[:7], "-p", "mode", "apply", "-p", "confirm", "contabo")
    assert applied.returncode == 0, applied.stderr
    assert (broken.head(), broken.health()[0]) == (good, 200)
    records = [json.loads((folder / "record.json").read_text()) for folder in broken.folders()]
    assert [record["verdict"] for record in records] == ["planned", "succeeded"]


def test_a_target_that_papermill_made_a_number_of_is_refused(broken: Machine, tmp_path: Path) -> None:
    done = broken.papermill(tmp_path / "number.ipynb", "-p", "target", "0123456")
    assert done.returncode == 1
    assert "the number 123456 arrived; give it with -r target" in done.stderr
    assert broken.folders() == []


def test_without_confirmation_it_stops_at_the_gate(broken: Machine, tmp_path: Path) -> None:
    before = broken.listing()
    done = broken.papermill(tmp_path / "out.ipynb", "-p", "mode", "apply")
    assert done.returncode == 1
    assert "nobody confirmed" in done.stderr
    assert json.loads((broken.folders()[0] / "record.json").read_text())["verdict"] == "refused"
    assert broken.listing() == before
