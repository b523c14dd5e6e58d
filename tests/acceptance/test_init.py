"""`rollback init HOST` on the practice host: what is found is what parameters/drill.yaml says, nothing is changed, and plans come of it."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from rollback_lib.stack.model import Stack
from tests.machine import BIN, Machine

SAME = ("name", "host", "tree", "compose_directory", "env", "caddyfile", "databases")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of stack files, in a runbook folder of its own."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "parameters").mkdir()
    return tmp_path / "parameters"


def init(machine: Machine, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`rollback init` in the runbook folder."""
    argv = [BIN / "rollback", "init", "contabo", "--ssh-config", machine.host.ssh_config, *words]
    env = machine.env({"ROLLBACK_HOME": str(folder.parent)})
    return subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def check(machine: Machine, file: Path) -> tuple[int, dict[str, Any]]:
    """`rollback check`: its status and what it says; in less than 15 s."""
    begun = time.monotonic()
    done = subprocess.run(
        [BIN / "rollback", "check", "--stack", file, "--json"], env=machine.env(), capture_output=True, text=True, timeout=60
    )
    assert time.monotonic() - begun < 15, done.stderr
    return done.returncode, json.loads(done.stdout)


def completed(machine: Machine, file: Path) -> Path:
    """With what only this machine knows: by which port and authority the routes are reached."""
    content = yaml.safe_load(file.read_text())
    known = yaml.safe_load(machine.stack.read_text())["stack"]
    for route in content["stack"]["routes"]:
        route.update({key: known["routes"][0][key] for key in ("connect_to", "ca")})
    content["stack"]["health"] = known["health"]
    file.write_text(yaml.safe_dump(content))
    return file


def test_what_is_found_is_what_the_file_of_the_practice_host_says(clean: Machine, folder: Path) -> None:
    before = clean.listing()
    done = init(clean, folder, "--project", "docker")
    said = done.stdout
    assert done.returncode == 7, done.stderr  # its names lead nowhere from here
    assert "✘ route agents-api" in said
    file = folder / "dyniq-voice.yaml"
    text = file.read_text()
    made, known = Stack.load(str(file)), Stack.load(str(clean.stack))
    assert {key: getattr(made, key) for key in SAME} == {key: getattr(known, key) for key in SAME}
    assert made.redeploy
    assert known.redeploy
    networks = [{name: set(some) for name, some in one.networks.items()} for one in (made.redeploy, known.redeploy)]
    assert networks[0] == networks[1]
    assert (made.code.names, made.code.env_files) == (["agents-api", "ruben-api"], known.code.env_files)
    assert (made.image.names, made.image.files) == (["agents-api", "ruben-api"], known.image.files)
    assert [(one.name, one.service, one.url) for one in made.routes] == [(one.name, one.service, one.url) for one in known.routes]
    for secret in clean.ssh("cat /opt/dyniq-voice/.env /opt/voice/password /opt/n8n/password").splitlines():
        value = secret.partition("=")[2] or secret
        assert len(value) < 8 or value not in text + said

    status, found = check(clean, completed(clean, file))
    assert (status, found["ready"]) == (0, True), found
    assert {row["level"] for row in found["rows"]} <= {"green", "amber"}
    assert clean.listing() == before

    planned = clean.rollback(stack=file)
    assert (planned.status, planned.record["verdict"]) == (0, "planned"), planned.out
    clean.host.break_("code")
    status, found = check(clean, file)
    assert (status, found["ready"]) == (7, False)
    assert {row["name"] for row in found["rows"] if row["level"] == "red"} >= {"route agents-api"}
    done = clean.apply(stack=file)
    assert (done.status, done.record["verdict"]) == (0, "succeeded"), done.out


def test_several_projects_and_a_name_that_is_taken(clean: Machine, folder: Path) -> None:
    done = init(clean, folder)
    said = "there are 6 compose projects on contabo; say which one is meant with --project NAME: docker in /opt/dyniq-voice/docker"
    assert (done.returncode, said in done.stderr) == (3, True), done.stderr
    assert list(folder.iterdir()) == []
    (folder / "dyniq-voice.yaml").write_text("mine\n")
    done = init(clean, folder, "--project", "docker")
    assert (done.returncode, "dyniq-voice.yaml is there, and is not overwritten" in done.stderr) == (2, True), done.stderr
    assert [(one.name, one.read_text()) for one in folder.iterdir()] == [("dyniq-voice.yaml", "mine\n")]


def test_a_host_whose_docker_does_not_answer(clean: Machine, folder: Path) -> None:
    clean.ssh("mv /usr/bin/docker /usr/bin/docker.away")
    done = init(clean, folder)
    assert (done.returncode, "contabo has no docker" in done.stderr) == (3, True), done.stderr
    assert list(folder.iterdir()) == []
