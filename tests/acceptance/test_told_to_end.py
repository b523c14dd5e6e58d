"""SIGTERM and Ctrl-C end a headless run in order, however it was started: step, host and record."""

import json
import os
import signal
import subprocess
import time
from contextlib import AbstractContextManager

import pytest

from tests.faults import JOB, Scene, cells, thaw, thaw_when_told_to_end
from tests.machine import BIN, Machine
from tests.marks import whole

# Ways to start a run; some make it ignore signals.
WAYS = {
    "plainly": [],
    "with SIGINT ignored": ["sh", "-c", 'trap "" INT; exec "$@"', "sh"],
    "under nohup": ["nohup"],
    "in the background of a script under nohup": ["nohup", "sh", "-c", 'trap "" INT QUIT; exec "$@"', "sh"],
}


def building(machine: Machine, way: str) -> AbstractContextManager[Scene]:
    """A code rollback that was started in this way and is stopped in the middle of the step `build`."""
    return machine.stopped_in("code", "build", 5, by=WAYS[way])


def serving(machine: Machine) -> list[str]:
    """What a rollback of code changes, and what it makes beside that; without images of commits, which are kept: Docker may have
    come to the end of the build."""
    images = machine.ssh("docker images --no-trunc --format '{{.ID}} {{.Repository}}:{{.Tag}}' | grep -vE ':[0-9a-f]{40}$' | sort")
    changes = machine.ssh("git -C /opt/dyniq-voice status --porcelain")
    return [machine.head(), machine.container()["Id"], changes, *images.splitlines()]


@pytest.mark.parametrize("way", [*whole("with SIGINT ignored", "under nohup"), "plainly", "in the background of a script under nohup"])
def test_sigterm_ends_the_run_in_order(broken: Machine, way: str) -> None:
    before = serving(broken)
    with building(broken, way) as scene:
        os.kill(scene.run.pid, signal.SIGTERM)
        told = time.monotonic()
        thaw_when_told_to_end(scene)
        out, err = scene.run.communicate(timeout=20)
    assert time.monotonic() - told < 20
    assert "Traceback" not in out + err
    (folder,) = broken.folders()
    record = json.loads((folder / "record.json").read_text())
    assert (scene.run.returncode, record["verdict"]) == (3, "aborted"), out + err
    assert "stopped in step build, which was ended on the host; the host is as it was" in record["reason"]
    assert broken.ssh(f"for job in {JOB}/*/; do flock -ns $job/alive true || echo $job; done") == ""
    assert serving(broken) == before
    assert broken.ssh("cat /var/lib/rollback/dyniq-voice/lock/holder 2>/dev/null || true") == ""
    assert [json.loads(line)["event"] for line in (folder / "events.jsonl").read_text().splitlines()].count("run-cut-short") == 1
    cells = json.loads((folder / "notebook.ipynb").read_text())["cells"]
    states = [cell["metadata"]["papermill"]["status"] for cell in cells if cell["cell_type"] == "code"]
    assert states[states.index("failed") + 1 :] == ["pending"] * (len(states) - 10)
    verified = subprocess.run([BIN / "rollback", "incidents", "verify"], env=broken.env(), capture_output=True, text=True)
    assert (verified.returncode, "1 sealed" in verified.stdout) == (0, True), verified.stdout


def test_sigterm_to_every_process_of_it_does_the_same(broken: Machine) -> None:
    """As systemd ends a service."""
    before = serving(broken)
    with building(broken, "plainly") as scene:
        for process in (cells(scene), scene.run.pid):
            os.kill(process, signal.SIGTERM)
        thaw_when_told_to_end(scene)
        out, err = scene.run.communicate(timeout=20)
    (folder,) = broken.folders()
    record = json.loads((folder / "record.json").read_text())
    assert (scene.run.returncode, record["verdict"]) == (3, "aborted"), out + err
    assert "stopped in step build, which was ended on the host; the host is as it was" in record["reason"]
    assert serving(broken) == before


def test_ctrl_c_stays_ignored_where_it_was(broken: Machine) -> None:
    with building(broken, "with SIGINT ignored") as scene:
        os.kill(scene.run.pid, signal.SIGINT)
        thaw(scene)
        out, err = scene.run.communicate(timeout=60)
    (folder,) = broken.folders()
    assert (scene.run.returncode, json.loads((folder / "record.json").read_text())["verdict"]) == (0, "succeeded"), out + err
    assert "run-cut-short" not in (folder / "events.jsonl").read_text()
