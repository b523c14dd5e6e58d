"""What the figures of the bench are taken from."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.database import step_seconds
from bench.memory import not_kept
from bench.peak import Peak, tree
from bench.rollbacks import Users
from bench.startup import first_cell
from lab.traffic import Traffic
from rollback_lib.errors import LabError
from tests.builders.stack import STACK

# Two processes that each fill 60 MB, and say so.
FILL = "import sys; x = bytearray(b'x') * 60_000_000; print('full', flush=True); "
TWO = f"import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', {FILL + 'sys.stdin.read()'!r}]); {FILL} sys.stdin.read()"


def test_memory_is_that_of_a_process_and_all_below_it() -> None:
    with subprocess.Popen([sys.executable, "-c", TWO], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdin
        peak = Peak(process.pid)
        for _ in range(2):
            process.stdout.readline()
        assert len(tree(process.pid)) == 2
        peak.look()
        process.stdin.close()
    used = peak.stop()
    assert 120 < used["pss_mb"] <= used["rss_mb"] < 200


def notebook(folder: Path, *cells: tuple[str, dict]) -> Path:
    content = {"cells": [{"cell_type": kind, "metadata": metadata} for kind, metadata in cells]}
    (folder / "notebook.ipynb").write_text(json.dumps(content))
    return folder


def test_the_first_cell_is_the_first_that_ran(tmp_path: Path) -> None:
    begun = ("2026-11-29T18:00:01.250000", "2026-11-29T18:00:02")
    cells = [("markdown", {}), *(("code", {"papermill": {"start_time": at}}) for at in begun)]
    assert first_cell(notebook(tmp_path, *cells)) == datetime(2026, 11, 29, 18, 0, 1, 250_000, tzinfo=UTC)


def test_a_notebook_that_never_ran_has_no_first_cell(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="does not say when its first cell began"):
        first_cell(notebook(tmp_path, ("code", {"papermill": {"start_time": None}})))


def test_seconds_and_output_of_steps_are_those_of_the_record(tmp_path: Path) -> None:
    ended = [("create", 1.5, 10), ("restore", 2.0, 1_000)]
    events = [{"event": "step-end", "step": step, "seconds": seconds, "bytes_not_kept": size} for step, seconds, size in ended]
    (tmp_path / "events.jsonl").write_text("\n".join(map(json.dumps, [{"event": "opened"}, *events])))
    assert step_seconds(tmp_path, "restore") == 2.0
    assert not_kept(tmp_path) == 1_010


def test_answers_of_the_bad_release_are_no_failures_of_the_rollback() -> None:
    users = Users(50, ("agents-api",), bad="500")
    traffic: Traffic = users.of(STACK)
    assert list(traffic.routes) == ["agents-api"]
    count = traffic.routes["agents-api"]
    count.sent, count.failed, count.said = 100, 35, {"500": 10, "502": 20, "refused": 5}
    assert users.count(traffic) == {"sent": 100, "failed": 25, "outage": 0.5}
