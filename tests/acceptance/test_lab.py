"""The practice host itself."""

import json
import os
import re
import socket
import subprocess
import time
from pathlib import Path

import pytest

from lab.practice_host import HEALTHY_TIMEOUT, SCENARIOS, PracticeHost
from rollback_lib.errors import LabError
from rollback_lib.settings import PROJECT
from tests.machine import BIN, Machine


def leftovers(name: str) -> str:
    """Everything that a practice host has left on this machine."""
    listings = [
        ["docker", "ps", "-a", "--format", "{{.Names}}"],
        ["docker", "volume", "ls", "-q"],
        ["docker", "network", "ls", "--format", "{{.Name}}"],
        ["find", "/sys/fs/cgroup", "-type", "d", "-name", f"*{name}*"],
    ]
    lines = [line for argv in listings for line in subprocess.run(argv, capture_output=True, text=True).stdout.splitlines()]
    return "\n".join(line for line in lines if name in line)


def test_a_second_one_beside_and_nothing_left_after_down(practice_host: PracticeHost) -> None:
    up = subprocess.run(
        [BIN / "rollback", "lab", "up", "--name", "second", "--ssh-port", "22322", "--https-port", "22743"], capture_output=True, text=True
    )  # fmt: skip
    try:
        assert up.returncode == 0, up.stderr
        status = json.loads(subprocess.check_output([BIN / "rollback", "lab", "status", "--name", "second", "--json"]))
        assert all(status["routes"].values())
        assert len(status["containers"]) == 9
        assert practice_host.status()["running"]
        assert "rollback-lab-second" in leftovers("rollback-lab-second")
    finally:
        down = subprocess.run([BIN / "rollback", "lab", "down", "--name", "second"], capture_output=True, text=True)
    assert down.returncode == 0, down.stderr
    assert leftovers("rollback-lab-second") == ""
    assert not (PROJECT / ".lab" / "second").exists()


def test_it_listens_on_this_machine_only(practice_host: PracticeHost) -> None:
    ports = json.loads(subprocess.check_output(["docker", "inspect", practice_host.container]))[0]["HostConfig"]["PortBindings"]
    assert {binding["HostIp"] for bindings in ports.values() for binding in bindings} == {"127.0.0.1"}


def test_reset_puts_everything_back(clean: Machine) -> None:
    head, files = clean.head(), clean.ssh("cd /opt/dyniq-voice && git status --porcelain && ls /backup")
    clean.host.break_("code")
    clean.ssh("rm -rf /backup; docker rm -f docker-caddy-1; docker volume create mine; touch /opt/dyniq-voice/new")
    clean.host.reset()
    assert (clean.head(), clean.ssh("cd /opt/dyniq-voice && git status --porcelain && ls /backup")) == (head, files)
    assert "mine" not in clean.ssh("docker volume ls -q")
    assert clean.health()[0] == clean.health("ruben-api")[0] == 200
    assert clean.host.status()["scenario"] is None


@pytest.mark.whole
def test_up_and_status_say_which_scenario_a_host_is_in_until_it_is_mended(clean: Machine) -> None:
    def run(*words: str) -> str:
        done = subprocess.run([BIN / "rollback", "lab", *words, "--name", clean.host.name], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "broken" not in run("up") + run("status")
    run("break", "caddyfile")
    began = time.monotonic()
    said = f"broken as `rollback lab break caddyfile` does: {SCENARIOS['caddyfile'][0]}; `rollback lab reset --name {clean.host.name}`"
    assert f"It is {said} puts it back." in run("up")
    assert time.monotonic() - began < HEALTHY_TIMEOUT / 2
    assert said in run("status")
    assert json.loads(run("status", "--json"))["scenario"] == "caddyfile"
    done = clean.apply(procedure="caddyfile")
    assert done.status == 0, done.out + done.err
    assert "broken" not in run("up") + run("status")
    # Ill again, and not as the scenario makes it: that one is not blamed.
    clean.ssh("docker stop docker-caddy-1")
    assert json.loads(run("status", "--json"))["scenario"] is None


@pytest.mark.whole
def test_a_host_of_another_shape_until_it_is_reset(clean: Machine) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([BIN / "rollback", "lab", *words, "--name", clean.host.name], capture_output=True, text=True)

    made = run("reset", "--shape", "shell=fish,user=deploy,layout=root,replicas=3")
    assert made.returncode == 0, made.stderr
    status = json.loads(run("status", "--json").stdout)
    assert status["shape"] == {"layout": "root", "replicas": "3", "user": "deploy", "shell": "fish"}
    assert all(status["routes"].values())
    assert {f"voice-stack-agents-api-{number}" for number in (1, 2, 3)} < set(status["containers"])
    login = ["ssh", "-F", clean.host.ssh_config, "contabo", "whoami; echo $version"]
    assert re.fullmatch(r"deploy\n[34]\.[\d.]+\n", subprocess.check_output(login, text=True))
    again = run("up", "--shape", "shell=tcsh")
    assert again.returncode == 2
    assert f"`rollback lab reset --name {clean.host.name} --shape …`" in again.stderr
    clean.host.reset()
    assert clean.host.status()["shape"] == {}
    assert clean.ssh("whoami") == "root"


@pytest.mark.quiet  # the other host has all the time it needs to be healthy
@pytest.mark.whole
def test_a_host_that_is_ill_and_in_no_scenario_is_an_error_that_says_what_to_do(clean: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.practice_host.HEALTHY_TIMEOUT", 2)
    clean.ssh("docker stop docker-caddy-1")
    with pytest.raises(LabError, match=rf"healthy in 2 s; `rollback lab reset --name {clean.host.name}` puts it back"):
        clean.host.up()


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LabError, match=rf"port {port} on 127.0.0.1 is taken; choose another with --ssh-port"):
            PracticeHost("third", port, 22843).up()


@pytest.mark.parametrize(
    ("words", "said"), [(["break", "nonesuch"], "there is no scenario"), (["status", "--name", "../x"], "a practice host's name")]
)
def test_wrong_words(practice_host: PracticeHost, words: list[str], said: str) -> None:
    argv = [BIN / "rollback", "lab", *words, *(["--name", practice_host.name] if "--name" not in words else [])]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_every_scenario_has_its_script() -> None:
    assert {file.stem for file in (PROJECT / "lab" / "scenarios").glob("*.sh")} == set(SCENARIOS)


@pytest.mark.quiet  # env has 10 s
def test_a_drill_ends_with_a_table(practice_host: PracticeHost, tmp_path: Path) -> None:
    environment = {**os.environ, "ROLLBACK_INCIDENTS": str(tmp_path)}
    drills = ["env", "readiness"]  # the others are as the first
    argv = [BIN / "rollback", "drill", "--name", practice_host.name, *drills]
    done = subprocess.run(argv, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    header, *rows = done.stdout.rstrip().splitlines()[-1 - len(drills) :]
    assert re.split(r"  +", header) == [
        "procedure", "triage says", "verdict", "healthy after", "whole run", "budget", "failed requests",
    ]  # fmt: skip
    for name, row in zip(drills, rows, strict=True):
        procedure, diagnosed, verdict, healthy, whole, budget, requests = re.split(r"  +", row)
        failed, sent = map(int, requests.split(" of "))
        assert procedure == name
        if name == "readiness":
            assert (diagnosed, verdict, healthy, failed) == ("healthy", "ready", "was healthy", 0)
            continue
        # What is broken for a procedure is what triage says is to be rolled back with it.
        assert (diagnosed, verdict) == (name, "succeeded")
        assert float(healthy.removesuffix(" s")) <= float(whole.removesuffix(" s")) <= float(budget.removesuffix(" s"))
        assert 0 < failed < sent


def test_an_unknown_drill_is_refused_before_anything() -> None:
    done = subprocess.run([BIN / "rollback", "drill", "kode"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "there are: code, image, env, caddyfile" in done.stderr


def test_no_docker_is_said_in_a_sentence(tmp_path: Path) -> None:
    """Without an engine, a package manager or root: what is missing, and what to do."""
    (tmp_path / "bin").mkdir()
    for tool in ("ssh-keygen", "env"):
        (tmp_path / "bin" / tool).symlink_to(f"/usr/bin/{tool}")
    done = subprocess.run(
        [BIN / "rollback", "lab", "up", "--name", "none"], env={"PATH": str(tmp_path / "bin")}, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "Docker Engine is not installed, and apt-get is not here to install it; install it and try again" in done.stderr
