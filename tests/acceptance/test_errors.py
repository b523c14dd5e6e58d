"""What a person is told when something is wrong: one sentence, the right exit status, a record where a run had begun."""

import json
import os
import signal
import subprocess
import time
from itertools import cycle
from pathlib import Path

import pytest

from tests.builders.hostile import HOSTILE, KEYS, hostile
from tests.machine import BIN, Machine


@pytest.fixture
def machine(practice_host, tmp_path: Path) -> Machine:
    """A practice host that the tests in this file do not change."""
    if not practice_host.running():
        practice_host.up()
    return Machine(practice_host, tmp_path / "incidents")


def one_sentence(text: str) -> bool:
    lines = [line for line in text.splitlines() if line]
    return len(lines) == 1 and len(lines[0]) < 420


def edited(machine: Machine, tmp_path: Path, name: str, *changes: tuple[str, str]) -> Path:
    """A stack file with a changed copy of the SSH configuration. `changes` are texts and their replacements."""
    config, stack = tmp_path / f"{name}.config", tmp_path / f"{name}.yaml"
    text = machine.host.ssh_config.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    config.write_text(text)
    stack.write_text(machine.stack.read_text().replace(str(machine.host.ssh_config), str(config)))
    return stack


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-p", "target=a b"], "target: a commit, tag or branch is expected"),
        (["-p", "dirty=maybe"], "dirty: one of refuse, save"),
        (["-p", "colour=red"], "has no such parameter; there are: target, dirty, reason"),
        (["-p", "target"], "KEY=VALUE is expected"),
        (["-p", "mode=apply"], "has no such parameter"),
    ],
)
def test_bad_parameters_are_refused_before_anything(machine: Machine, words: list[str], said: str) -> None:
    logins = machine.logins()
    done = machine.rollback(*words)
    assert (done.status, done.folder) == (2, None)
    assert said in done.err
    assert one_sentence(done.err)
    assert machine.logins() == logins


def test_bad_stack_files(machine: Machine, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(machine.stack.read_text().replace("tree: /opt", "tree: opt"))
    done = machine.rollback(stack=wrong)
    assert (done.status, done.folder) == (2, None)
    assert f"{wrong}: tree: an absolute path" in done.err
    missing = machine.rollback(stack=tmp_path / "none.yaml")
    assert (missing.status, missing.folder) == (2, None)
    assert "there is no stack file" in missing.err


def test_an_unknown_procedure(machine: Machine) -> None:
    done = subprocess.run([BIN / "rollback", "run", "kode", "--stack", machine.stack], capture_output=True, text=True)
    assert done.returncode == 2
    assert "there are: triage, code" in done.stderr


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("key", ["target", "dirty", "reason"])
def test_no_parameter_reaches_a_shell(machine: Machine, key: str, value: str) -> None:
    done = machine.rollback("-p", f"{key}={value}")
    assert done.status == (0 if key == "reason" else 2), done.err + done.out
    assert not Path("/tmp/pwned").exists()
    assert machine.ssh("ls /tmp/pwned 2>/dev/null", check=False) == ""
    if key == "reason":
        assert done.record["because"] == value


@pytest.mark.parametrize("value", HOSTILE)
def test_no_option_reaches_a_shell(machine: Machine, value: str) -> None:
    for words in (["--apply", f"--confirm={value}"], [f"--on-failure={value}"]):
        assert machine.rollback(*words).status == 2
    assert machine.rollback(stack=Path(value)).status == 2
    assert not Path("/tmp/pwned").exists()
    assert machine.ssh("ls /tmp/pwned 2>/dev/null", check=False) == ""


# Every value with every key is in tests/unit/stack/test_hostile.py.
@pytest.mark.parametrize(("key", "value"), list(zip(KEYS, cycle(HOSTILE), strict=False)))
def test_no_value_of_a_stack_reaches_a_shell(machine: Machine, tmp_path: Path, key: str, value: str) -> None:
    file = tmp_path / "hostile.yaml"
    file.write_text(hostile(machine.stack.read_text(), key, value))
    done = machine.rollback(stack=file)
    assert (done.status, done.folder) == (2, None)
    assert key in done.err


def refused(machine: Machine, stack: Path, said: str) -> None:
    done = machine.rollback(stack=stack)
    assert (done.status, done.record["verdict"]) == (3, "refused"), done.out + done.err
    assert said in done.record["reason"]
    assert said in done.out
    notebook = json.loads((done.folder / "notebook.ipynb").read_text())
    states = [cell["metadata"]["papermill"]["status"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert (states[2], set(states[3:])) == ("failed", {"pending"})
    assert "Traceback" not in (done.folder / "notebook.html").read_text()


def test_an_unreachable_host(machine: Machine, tmp_path: Path) -> None:
    refused(machine, edited(machine, tmp_path, "port", (f"Port {machine.host.ssh_port}", "Port 1")), "no")


def test_a_name_that_is_not_known(machine: Machine, tmp_path: Path) -> None:
    refused(machine, edited(machine, tmp_path, "name", ("HostName 127.0.0.1", "HostName nowhere.invalid")), "nowhere.invalid")


def test_a_key_that_is_refused(machine: Machine, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    stack = edited(machine, tmp_path, "key", (f"{machine.host.folder}/id_ed25519", str(tmp_path / "other")))
    refused(machine, stack, "accepted none of your keys for user root")


def test_a_host_key_that_changed_is_unknown_or_revoked(machine: Machine, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "wrong"], check=True)
    wrong = " ".join((tmp_path / "wrong.pub").read_text().split()[:2])
    true = (machine.host.folder / "known_hosts").read_text().split(" ", 1)[1]
    for content, said in (
        (f"[127.0.0.1]:{machine.host.ssh_port} {wrong}\n", "is not the one in your known_hosts"),
        ("", "is not in your known_hosts"),
        (f"[127.0.0.1]:{machine.host.ssh_port} {true}@revoked * {true}", "is marked as revoked"),
    ):
        known = tmp_path / "known"
        known.write_text(content)
        refused(machine, edited(machine, tmp_path, "known", (f"{machine.host.folder}/known_hosts", str(known))), said)


def test_docker_missing_on_the_host(machine: Machine) -> None:
    machine.ssh("mv /usr/bin/docker /usr/bin/docker.away")
    try:
        done = machine.apply()
    finally:
        machine.ssh("mv /usr/bin/docker.away /usr/bin/docker")
    assert (done.status, done.record["verdict"]) == (3, "refused")
    assert "the host lacks docker; install it there" in done.record["reason"]


def test_a_tree_that_is_none(machine: Machine, tmp_path: Path) -> None:
    def elsewhere(stack: dict) -> None:
        stack["tree"] = "/opt/none"
        del stack["caddyfile"]

    stack = machine.edited_stack(elsewhere)
    done = machine.rollback(stack=stack)
    assert done.status == 3
    assert "/opt/none is not a git work tree" in done.out


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_ended_says_so(broken: Machine, how: signal.Signals) -> None:
    slow = broken.commit("a slow build", "echo 'RUN sleep 20' >>agents_api/Dockerfile")
    run = subprocess.Popen(
        ["env", "--default-signal=INT", BIN / "rollback", "run", "code", "--stack", broken.stack, "--apply", "--confirm", "contabo",
         "-p", f"target={slow}"],
        env=broken.env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not any('"step": "build"' in (folder / "events.jsonl").read_text() for folder in broken.folders()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(run.pid, how)
    out, err = run.communicate(timeout=40)
    assert "Traceback" not in out + err
    record = json.loads((broken.folders()[0] / "record.json").read_text())
    assert (record["verdict"], run.returncode) == ("aborted", 3), out + err
    cells = json.loads((broken.folders()[0] / "notebook.ipynb").read_text())["cells"]
    states = [cell["metadata"]["papermill"]["status"] for cell in cells if cell["cell_type"] == "code"]
    assert states[states.index("failed") + 1 :] == ["pending"] * (len(states) - states.index("failed") - 1)
    assert states.index("failed") == 9
