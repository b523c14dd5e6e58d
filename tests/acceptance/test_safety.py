"""What keeps a run from doing harm: the lock, the check just before the first change, the reviewed plan, the dead man's switch; and
resuming a run that was cut off."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.relay import Relay
from rollback_lib.settings import PROJECT
from tests.faults import Scene, freeze, thaw, thaw_when_told_to_end
from tests.machine import BIN, Machine


def image(machine: Machine) -> str:
    return machine.container()["Image"]


def until(condition: Callable[[], bool], most: float = 60) -> None:
    deadline = time.monotonic() + most
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def record(folder: Path) -> dict:
    return json.loads((folder / "record.json").read_text())


def jobs_of(machine: Machine) -> set[str]:
    """The names of all jobs on the host."""
    return {place.split("/")[-2] for place in machine.ssh("ls -d /var/lib/rollback/dyniq-voice/jobs/*/*/").split()}


def test_someone_deploys_meanwhile(broken: Machine) -> None:
    """The plan is refused just before its first change; what was made beside the stack is removed."""
    with broken.stopped_in("code", "build", 5) as scene:
        broken.ssh("cd /opt/dyniq-voice/docker; docker compose up -d --force-recreate agents-api >/dev/null 2>&1")
        container = broken.container()["Id"]
        thaw(scene)
        out, err = scene.run.communicate(timeout=60)
    (folder,) = broken.folders()
    assert (scene.run.returncode, record(folder)["verdict"]) == (3, "refused"), out + err
    assert re.search(
        r"has changed since the plan was made: agents-api: containers was [0-9a-f]{12} when this was planned, and is [0-9a-f]{12}", out
    )
    assert broken.container()["Id"] == container
    assert broken.ssh("docker images -q 'rollback/dyniq-voice/agents-api:before-*'") == ""


def test_only_the_plan_that_was_reviewed_is_applied(broken: Machine) -> None:
    plan = broken.rollback()
    reviewed = plan.record["plan"]
    assert f"--plan {reviewed}" in plan.record["next"][0]
    before, logins = broken.head(), broken.logins()
    for wrong in ("abc", "ABCDEF012345", f"{reviewed} "):
        refused = broken.apply(f"--plan={wrong}")
        assert (refused.status, refused.folder) == (2, None)
    assert broken.rollback("--plan", reviewed).status == 2
    assert broken.logins() == logins
    # Someone edits a file: the plan is another one.
    broken.ssh("echo '# a note' >>/opt/dyniq-voice/agents_api/server.py")
    moved = broken.apply("--plan", reviewed, "-p", "dirty=save")
    assert (moved.status, moved.record["verdict"]) == (3, "refused")
    assert f"{reviewed} was reviewed" in moved.out
    assert re.search(r"^\+git -C /opt/dyniq-voice .*stash push", (moved.folder / "notebook.html").read_text(), re.MULTILINE)
    assert broken.head() == before
    broken.ssh("git -C /opt/dyniq-voice checkout -q -- .")
    assert broken.apply("--plan", reviewed).record["verdict"] == "succeeded"


def test_the_second_hand_is_refused_until_it_takes_over(broken: Machine) -> None:
    with broken.stopped_in("code", "recreate", 1, "-p", "reason=first") as scene:
        first = broken.folders()[0]
        before = broken.listing()
        planned = broken.rollback()
        assert planned.record["verdict"] == "planned"  # reading and planning need no lock
        held = r"The stack is held by \S+@\S+, since .* UTC\S*, for a rollback of code \(first\), in \w+\."
        assert re.search(held, (planned.folder / "notebook.html").read_text())
        refused = broken.apply()
        assert (refused.status, refused.record["verdict"]) == (3, "refused")
        assert re.search(r"contabo is held by \S+@\S+, since .* UTC, for a rollback of code \(first\)", refused.out)
        assert "its step recreate still runs there" in refused.out
        assert broken.listing() == before
        with ThreadPoolExecutor(1) as pool:
            ended = pool.submit(thaw_when_told_to_end, scene)
            second = broken.apply("--take-over", "-p", "reason=second")
            ended.result()
        out, _ = scene.run.communicate(timeout=60)
    assert second.record["verdict"] in ("succeeded", "nothing-to-do"), second.out + second.err
    assert "Taken over from" in (second.folder / "notebook.html").read_text()
    assert any(event["event"] == "lock" and event["how"] == "taken-over" for event in second.events)
    assert (scene.run.returncode, record(first)["verdict"]) == (5, "failed-partly"), out
    assert broken.health()[0] == 200
    gone_on = broken.resume(first)
    assert "ran on contabo after this one was cut off" in gone_on.out


def test_the_host_undoes_by_itself_when_nobody_comes_back(broken: Machine) -> None:
    before, bad = broken.head(), image(broken)
    with broken.stopped_in("code", "recreate", 1, "--revert-after", "20s") as scene:
        os.kill(scene.run.pid, signal.SIGKILL)
        thaw(scene)
    (folder,) = broken.folders()
    until(lambda: image(broken) != bad)
    assert broken.rollback().record["verdict"] == "planned"
    held = broken.apply()
    assert "its step revert still runs there" in held.out
    until(lambda: (image(broken), broken.head()) == (bad, before))
    assert record(folder)["verdict"] == "unknown"
    done = broken.resume(folder)
    assert (done.status, done.record["verdict"]) == (4, "failed-restored"), done.out
    assert "undid the rollback by itself, as nobody came back" in done.out
    assert (image(broken), broken.head()) == (bad, before)


def test_a_run_that_comes_to_health_keeps_the_host_from_undoing(broken: Machine) -> None:
    done = broken.apply("--revert-after", "8s")
    assert done.record["verdict"] == "succeeded", done.out
    good = image(broken)
    jobs = "/var/lib/rollback/dyniq-voice/jobs"
    until(lambda: broken.ssh(f"cat {jobs}/*/revert/exit 2>/dev/null || true").strip() == "0")
    assert (broken.ssh(f"cat {jobs}/*/revert/decided/by"), image(broken)) == ("run", good)
    for wrong in ("5", "m", "-5m", "1.5h", "0s", "$(true)"):
        refused = broken.apply(f"--revert-after={wrong}")
        assert (refused.status, refused.folder) == (2, None)


@pytest.mark.whole
def test_an_incident_that_failed_is_gone_on_with_when_the_cause_is_gone(broken: Machine) -> None:
    broken.ssh("docker network disconnect --force docker_default docker-ruben-api-1")
    done = broken.apply("-p", "target=HEAD~1")
    broken.ssh("docker network connect --alias ruben-api docker_default docker-ruben-api-1")
    assert (done.status, done.record["verdict"]) == (5, "failed-partly"), done.out
    assert f"rollback resume {done.folder.name.rpartition('-')[2]}" in done.out
    assert broken.leads_to() == [["resume", "undo"]]
    jobs = jobs_of(broken)
    again = broken.resume(done.folder)
    assert (again.status, again.record["verdict"]) == (0, "succeeded"), again.out
    assert jobs_of(broken) - jobs == {"remember"}  # nothing that was done was done twice
    assert (done.folder / "notebook-2.ipynb").exists()
    assert broken.leads_to() == [["undo"]]
    ended = broken.resume(done.folder)
    assert (ended.status, "has ended as succeeded" in ended.err) == (2, True)


def test_a_notebook_whose_kernel_ended_takes_its_incident_up_again(broken: Machine, tmp_path: Path) -> None:
    """As in JupyterLab, which tells a kernel the notebook it belongs to."""
    environment = broken.env({"JPY_SESSION_NAME": str(tmp_path / "code.ipynb")})
    told = ["-f", broken.stack, "-p", "mode", "apply", "-p", "confirm", "contabo"]
    argv = [BIN / "papermill", "notebooks/01_code.ipynb", tmp_path / "out.ipynb", *told]
    with ThreadPoolExecutor(1) as pool:
        frozen = pool.submit(freeze, broken.host, "recreate", 1)
        run = subprocess.Popen(argv, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        scene = Scene(broken.host, Relay(0), run, frozen.result())
    kernel = subprocess.check_output(["pgrep", "-P", str(run.pid), "-f", "ipykernel"], text=True).split()[0]
    os.kill(int(kernel), signal.SIGKILL)
    run.communicate(timeout=60)
    thaw(scene)
    (folder,) = broken.folders()
    assert record(folder)["verdict"] == "unknown"
    again = subprocess.run(argv, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120)
    assert again.returncode == 0, again.stderr
    assert broken.folders() == [folder]
    assert record(folder)["verdict"] == "succeeded"
    assert jobs_of(broken) == {"build", "keep", "recreate", "remember", "restore_tree"}
    text = (tmp_path / "out.ipynb").read_text()
    assert text.count("Done already in this incident") == 4
    assert "This incident was opened before" in text
    verified = subprocess.run([BIN / "rollback", "incidents", "verify"], env=broken.env(), capture_output=True, text=True)
    assert (verified.returncode, "1 sealed" in verified.stdout) == (0, True), verified.stdout


def test_what_there_is_nothing_to_go_on_with_is_refused(broken: Machine) -> None:
    planned = broken.rollback()
    logins = broken.logins()
    done = broken.resume(planned.folder)
    assert (done.status, "only planned" in done.err) == (2, True)
    unknown = subprocess.run([BIN / "rollback", "resume", "ffffff"], env=broken.env(), capture_output=True, text=True)
    assert (unknown.returncode, "there is no record 'ffffff'" in unknown.stderr) == (2, True)
    assert broken.logins() == logins
