"""Whole releases: what the host enters of itself, run by a real shell with a docker that only answers, and read again."""

import json
import os
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from rollback_lib.commands.command import script
from rollback_lib.facts import releases, whole_release
from rollback_lib.facts.whole_release import WholeRelease
from rollback_lib.stack.model import Stack
from tests.builders.stack import STACK

API, CADDY = "sha256:" + "1" * 64, "sha256:" + "2" * 64
DOCKER = f"""#!/bin/sh
echo "$*" >>"$LOG"
case "$1 $2" in
    "ps --all") echo c1; echo c2 ;;
    "image ls") echo "{API} rollback/dyniq-voice/agents-api:before-i0"; echo "{CADDY} rollback/dyniq-voice/caddy:2" ;;
    "container inspect") cat "$CONTAINERS" ;;
    "exec "*) [ -z "$DOWN" ] && echo "public|agents|name|text" ;;
esac
"""


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """A stack in a folder of this machine, with a tree, an env file and two compose files."""
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in (".env", "docker-compose.yml", "prod.yml"):
        (tree / name).write_text(f"{name}\n")
    git = ("git", "-C", str(tree), "-c", "user.name=x", "-c", "user.email=x@example.com")
    subprocess.run(["git", "init", "-q", tree], check=True)
    subprocess.run([*git, "add", "docker-compose.yml"], check=True)
    subprocess.run([*git, "commit", "-qm", "first"], check=True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "docker").write_text(DOCKER)
    (tmp_path / "bin" / "docker").chmod(0o755)
    (tmp_path / "state" / "lock").mkdir(parents=True)
    (tmp_path / "state" / "lock" / "holder").write_text('i1\n99\n{"incident": "i1", "who": "ann@laptop", "reason": "a \\"quote\\""}\n')
    backups = tmp_path / "backup"
    backups.mkdir()
    for name in ("voice-1.sql", "voice-2.sql"):
        (backups / name).write_text(name)
    os.utime(backups / "voice-1.sql", (1, 1))
    known = {"tree": str(tree), "state_directory": str(tmp_path / "state"), "compose_directory": str(tree)}
    database = STACK.databases[0].model_copy(update={"backups": f"{backups}/voice-*.sql"})
    containers = [
        {"service": "agents-api", "image": API, "name": "docker-agents-api", "project": "docker", "directory": str(tree),
         "files": f"{tree}/docker-compose.yml,{tree}/prod.yml", "env_files": None, "networks": ["a", "b", None]},
        {"service": "caddy", "image": CADDY, "name": "caddy:2", "project": "docker", "directory": str(tree),
         "files": f"{tree}/docker-compose.yml", "env_files": None, "networks": ["a", None]},
    ]  # fmt: skip
    (tmp_path / "containers").write_text("".join(json.dumps(one, separators=(",", ":")) + "\n" for one in containers))
    return STACK.model_copy(update={**known, "databases": [database]})


def entered(stack: Stack, incident: str = "i1", *, down: str = "", **more: str) -> str:
    """Enter what runs, and return the command's calls of docker."""
    root = Path(stack.state).parent
    kept = {f"{stack.tree}/.env": "env", f"{stack.tree}/missing": "other", **more}
    command = whole_release.enter(stack, incident, kept)
    known = {"PATH": f"{root}/bin:{os.environ['PATH']}", "LOG": f"{root}/log", "CONTAINERS": f"{root}/containers", "DOWN": down}
    done = subprocess.run(["sh", "-c", script([command])], env={**os.environ, **known}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return (root / "log").read_text()


def read(stack: Stack) -> list[WholeRelease]:
    return whole_release.whole_releases(stack.state).read((Path(stack.state) / "releases.jsonl").read_text())


def test_what_runs_is_entered_whole_and_can_be_restored(stack: Stack) -> None:
    calls = entered(stack)
    (found,) = read(stack)
    assert (found.incident, found.by, found.changed) == ("i1", "ann@laptop", False)
    assert len(found.commit) == 40
    assert {name: (ran.image, ran.name) for name, ran in found.services.items()} == {
        "agents-api": (API, "docker-agents-api"),
        "caddy": (CADDY, "caddy:2"),
    }
    assert found.services["agents-api"].compose.files == (f"{stack.tree}/docker-compose.yml", f"{stack.tree}/prod.yml")
    assert found.services["agents-api"].networks == {"a", "b"}
    assert found.files is not None
    assert set(found.files) == {f"{stack.tree}/{name}" for name in (".env", "docker-compose.yml", "prod.yml")}
    for path, file in found.files.items():
        assert file.hash == sha256(Path(path).read_bytes()).hexdigest()
        assert Path(file.kept).read_bytes() == Path(path).read_bytes()
    assert found.databases is not None
    assert len(found.databases["voice"].schema) == 16
    assert found.databases["voice"].backup.endswith("/voice-2.sql")
    # An image whose only name belongs to an incident gets one of its own; the other has one.
    assert f"tag {API} rollback/dyniq-voice/agents-api:{'1' * 12}" in calls
    assert "tag sha256:2" not in calls


def test_an_equal_file_is_kept_once_and_a_change_is_seen(stack: Stack) -> None:
    entered(stack)
    Path(f"{stack.tree}/docker-compose.yml").write_text("changed\n")
    entered(stack, "i2", down="yes")
    first, second = read(stack)
    assert first.files is not None
    assert second.files is not None
    env, compose = f"{stack.tree}/.env", f"{stack.tree}/docker-compose.yml"
    assert second.files[env].kept == first.files[env].kept
    assert second.files[compose].kept != first.files[compose].kept
    assert (first.changed, second.changed) == (False, True)
    assert second.databases is not None
    assert second.databases["voice"].schema == "", "its database does not answer"


def test_a_file_that_is_kept_by_itself_is_no_uncommitted_change(stack: Stack) -> None:
    path = f"{stack.tree}/docker-compose.yml"
    Path(path).write_text("changed\n")
    entered(stack, **{path: "caddyfile"})
    assert [one.changed for one in read(stack)] == [False]


def test_each_reader_of_the_ledger_takes_its_own_lines(stack: Stack) -> None:
    entered(stack)
    ledger = Path(stack.state) / "releases.jsonl"
    old = '{"image": "sha256:1", "when": "2026-01-01T00:00:00Z", "service": "a", "commit": "c", "healthy": true, "incident": "i0"}\n'
    ledger.write_text(old + ledger.read_text())
    assert [one.incident for one in releases.releases(stack.state).read(ledger.read_text())] == ["i0"]
    assert [one.incident for one in read(stack)] == ["i1"]
