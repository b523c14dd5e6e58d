"""Every command of the page, taken from the page, on the practice host: it runs, and does what it really does."""

import json
import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from rollback_lib.settings import PROJECT
from tests.machine import Machine

PAGE = PROJECT / "docs" / "runbook.md"


@dataclass(frozen=True)
class Ran:
    """A command of the runbook that was run: its exit status and its output."""

    command: str
    status: int
    said: str


def sections() -> dict[str, list[str]]:
    """The commands in the code blocks below each heading. Lines that end with a backslash are joined."""
    found: dict[str, list[str]] = {}
    for heading, body in re.findall(r"^## (.+?)$(.*?)(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        for block in re.findall(r"```bash\n(.*?)```", body, re.DOTALL):
            text = block.replace("\\\n", "")
            commands = re.findall(r'^(?:ssh contabo "[^"]*"|curl .*)$', text, re.MULTILINE)
            found[heading] = [*found.get(heading, []), *commands]
    return found


class Page:
    """Runs the commands of the runbook without change. `ssh` and `curl` are configured to reach the practice host."""

    def __init__(self, machine: Machine, tmp_path: Path) -> None:
        ssh = tmp_path / "bin" / "ssh"
        ssh.parent.mkdir()
        ssh.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {machine.host.ssh_config} "$@"\n')
        ssh.chmod(0o755)
        self._env = {**os.environ, "PATH": f"{ssh.parent}:{os.environ['PATH']}", "CURL_HOME": str(machine.host.folder), "TERM": "dumb"}
        self._day = machine.backup_day()
        self.ran: list[Ran] = []

    def run(self, command: str) -> Ran:
        line = command.replace("YYYYMMDD", self._day).replace("VARIABLE_NAME", "MODEL")
        done = subprocess.run(["bash", "-c", line], env=self._env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        self.ran.append(Ran(command, done.returncode, done.stdout + done.stderr))
        return self.ran[-1]


@pytest.fixture
def page(clean: Machine, tmp_path: Path) -> Page:
    return Page(clean, tmp_path)


def test_the_page_has_the_sections_we_know() -> None:
    assert {heading: len(commands) for heading, commands in sections().items()} == {
        "Code Rollback (agents-api)": 4, "Production Image Rollback (GHCR)": 1, "Environment Variable Rollback": 3,
        "Caddyfile Rollback": 4, "Database Rollback": 2, "Nuclear Option (Full Stack Redeploy)": 2,
    }  # fmt: skip


def test_code_section(broken: Machine, tmp_path: Path) -> None:
    page = Page(broken, tmp_path)
    bad = broken.head()
    identify, revert, rebuild, verify = map(page.run, sections()["Code Rollback (agents-api)"])
    assert "Stream answers word by word" in identify.said
    assert (revert.status, rebuild.status, verify.status) == (0, 0, 0)
    # Traps: a file that the bad commit added stays, and HEAD still says that the bad commit is what is there.
    assert "streaming.py" in broken.ssh("ls /opt/dyniq-voice/agents_api")
    assert broken.head() == bad
    assert eventually(lambda: broken.health()[0] == 200)


def test_image_section(clean: Machine, page: Page) -> None:
    (roll,) = map(page.run, sections()["Production Image Rollback (GHCR)"])
    assert roll.status == 0, roll.said
    # Trap: the page says “by commit SHA”, and what runs is whatever `latest` is.
    assert clean.container()["Config"]["Image"] == "localhost:5000/dyniq/agents-api:latest"
    assert eventually(lambda: clean.health()[0] == 200)


@pytest.mark.whole
def test_env_section(clean: Machine, page: Page) -> None:
    before = clean.container()["Id"]
    edit, recreate, verify = map(page.run, sections()["Environment Variable Rollback"])
    assert edit.status != 0  # trap: an editor cannot run without a terminal
    assert (recreate.status, verify.said.strip()) == (0, "MODEL=sonnet")
    assert clean.container()["Id"] != before


@pytest.mark.whole
def test_caddyfile_section(clean: Machine, page: Page) -> None:
    before = clean.ssh("cat /opt/dyniq-voice/docker/Caddyfile")
    restore, restart, agents, ruben = map(page.run, sections()["Caddyfile Rollback"])
    assert (restore.status, restart.status) == (0, 0)
    # Trap: the commit before the last is not the last that touched the file.
    assert clean.ssh("cat /opt/dyniq-voice/docker/Caddyfile") == before
    assert agents.command.startswith("curl")
    assert ruben.command.startswith("curl")
    assert eventually(lambda: clean.health()[0] == clean.health("ruben-api")[0] == 200)


@pytest.mark.whole
def test_database_section(clean: Machine, page: Page) -> None:
    rows = "docker exec voice-postgres-1 psql -X -A -t -U dyniq -d dyniq -c 'SELECT count(*) FROM events'"
    clean.ssh("docker exec voice-postgres-1 psql -U dyniq -d dyniq -c 'DELETE FROM events'")
    voice, n8n = map(page.run, sections()["Database Rollback"])
    # Trap: without `-i` nothing is read: exit status 0, nothing said, nothing restored.
    assert [(one.status, one.said) for one in (voice, n8n)] == [(0, ""), (0, "")]
    assert clean.ssh(rows) == "0"


@pytest.mark.whole
def test_nuclear_section(clean: Machine, page: Page) -> None:
    redeploy, reconnect = map(page.run, sections()["Nuclear Option (Full Stack Redeploy)"])
    assert redeploy.status == 0, redeploy.said
    assert reconnect.status == 0, reconnect.said
    networks = json.loads(clean.ssh("docker inspect docker-caddy-1 --format '{{json .NetworkSettings.Networks}}'"))
    assert {"n8n_default", "nocodb_default", "langfuse_default"} <= set(networks)
    assert eventually(lambda: clean.health()[0] == clean.health("ruben-api")[0] == 200)
    again = page.run(sections()["Nuclear Option (Full Stack Redeploy)"][1])
    assert "already exists in network" in again.said  # trap: it fails when already connected


def eventually(condition: object, seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
