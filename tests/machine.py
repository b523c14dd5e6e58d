"""The practice host from the point of view of a test."""

import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import yaml

from lab.practice_host import PracticeHost
from lab.relay import Relay
from rollback_lib.notebook import start
from rollback_lib.settings import PROJECT
from tests.faults import Scene, freeze

BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Done:
    """A `rollback` command that has ended: its exit status, what it printed, and the folder of its record, None if it made none."""

    status: int
    out: str
    err: str
    folder: Path | None

    @property
    def record(self) -> dict:
        return json.loads((self.folder / "record.json").read_text())

    @property
    def events(self) -> list[dict]:
        return [json.loads(line) for line in (self.folder / "events.jsonl").read_text().splitlines()]

    def everything(self) -> str:
        """Everything that the run printed or wrote to its record, as one text."""
        files = [file.read_text() for file in sorted(self.folder.rglob("*")) if file.is_file()] if self.folder else []
        return "\n".join([self.out, self.err, *files])


class Machine:
    """The practice host from the point of view of a test, which uses the ssh client and the command line."""

    def __init__(self, host: PracticeHost, incidents: Path) -> None:
        self.host = host
        self.incidents = incidents
        self.stack = host.folder / "stack.yaml"

    def ssh(self, script: str, *, check: bool = True) -> str:
        done = subprocess.run(["ssh", "-F", self.host.ssh_config, "contabo", "sh -s"], input=script, capture_output=True, text=True)
        assert not check or done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def leads_to(self) -> list[list[str]]:
        """The links that the start page offers for each incident, newest first."""
        with patch.dict(os.environ, self.env()):
            shown = start.latest(str(self.stack))
        return [re.findall(r"(\w+): /", row[-1]) for row in shown.cells]

    def backup_day(self) -> str:
        """The day in the names of the newest backups. It is not today if the host was set up before midnight."""
        return self.ssh("ls /backup/voice-[0-9]*.sql").rpartition("voice-")[2].removesuffix(".sql")

    def rollback(
        self, *words: str, stack: Path | None = None, env: dict[str, str] | None = None, procedure: str = "code", by: Sequence[str] = ()
    ) -> Done:
        """Run `rollback run`. `by` is a command in front of it, such as `nohup`."""
        before = self.folders()
        argv = [*by, BIN / "rollback", "run", procedure, "--stack", stack or self.stack, *words]
        done = subprocess.run(argv, capture_output=True, text=True, env=self.env(env), timeout=170)
        made = [folder for folder in self.folders() if folder not in before]
        assert len(made) <= 1
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr, made[0] if made else None)

    def apply(self, *words: str, **options: object) -> Done:
        return self.rollback("--apply", "--confirm", "contabo", *words, **options)

    def undo(self, incident: Path, *words: str) -> Done:
        """Run `rollback undo --apply` for a record."""
        before = self.folders()
        argv = [BIN / "rollback", "undo", incident.name, "--apply", "--confirm", "contabo", *words]
        done = subprocess.run(argv, capture_output=True, text=True, env=self.env(), timeout=170)
        made = [folder for folder in self.folders() if folder not in before]
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr, made[0] if made else None)

    def resume(self, incident: Path, *words: str) -> Done:
        """Run `rollback resume` for a record."""
        argv = [BIN / "rollback", "resume", incident.name, *words]
        done = subprocess.run(argv, env=self.env(), capture_output=True, text=True, timeout=170)
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr, incident)

    def mark(self) -> None:
        """Mark what runs as known good, with records of its own."""
        own = self.env({"ROLLBACK_INCIDENTS": str(self.incidents.parent / "marks")})
        done = subprocess.run([BIN / "rollback", "mark", "--stack", self.stack], env=own, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr

    @contextmanager
    def stopped_in(self, procedure: str, step: str, command: int, *words: str, by: Sequence[str] = ()) -> Iterator[Scene]:
        """A rollback that is stopped in the middle of a step, before its command number `command`. `by` is a command in front of it."""
        argv = [*by, BIN / "rollback", "run", procedure, "--stack", self.stack, "--apply", "--confirm", "contabo", *words]
        with ThreadPoolExecutor(1) as pool:
            frozen = pool.submit(freeze, self.host, step, command)
            run = subprocess.Popen(argv, env=self.env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            try:
                yield Scene(self.host, Relay(0), run, frozen.result())
            finally:
                run.kill()
                run.communicate()

    def papermill(self, out: Path, *words: str, notebook: str = "01_code") -> subprocess.CompletedProcess[str]:
        """Run plain papermill on a notebook, as docs/jupyterlab-and-papermill.md shows."""
        argv = [BIN / "papermill", f"notebooks/{notebook}.ipynb", out, "-f", self.stack, "--no-progress-bar", *words]
        return subprocess.run(argv, cwd=PROJECT, env=self.env(), capture_output=True, text=True, timeout=120)

    def env(self, more: dict[str, str] | None = None) -> dict[str, str]:
        return {**os.environ, "ROLLBACK_INCIDENTS": str(self.incidents), **(more or {})}

    def folders(self) -> list[Path]:
        return sorted(self.incidents.glob("[0-9]*/*/*/*"))

    def logins(self) -> int:
        """How many SSH connections the host has accepted so far. Asking makes no connection."""
        # grep exits with 1 if the count is 0, but prints it all the same.
        return int(self.host.exec("grep -c 'Accepted publickey' /var/log/sshd.log || true"))

    def edited_stack(self, change: Callable[[dict], None]) -> Path:
        """A new stack file, whose content `change` has changed."""
        content = yaml.safe_load(self.stack.read_text())
        change(content["stack"])
        file = self.incidents.parent / f"stack-{secrets.token_hex(3)}.yaml"
        file.write_text(yaml.safe_dump(content))
        return file

    def head(self) -> str:
        return self.ssh("git -C /opt/dyniq-voice rev-parse HEAD")

    def container(self) -> dict:
        return json.loads(self.ssh("docker inspect docker-agents-api-1"))[0]

    def health(self, route: str = "agents-api") -> tuple[int, str]:
        """Status and body of a health check over the real route, by curl with the configuration of this host."""
        answer = subprocess.run(
            ["curl", "-s", "-w", "\n%{http_code}", f"https://{route}.dyniq.ai/health"],
            capture_output=True, text=True, env={**os.environ, "CURL_HOME": str(self.host.folder)},
        ).stdout  # fmt: skip
        body, _, status = answer.rpartition("\n")
        return int(status), body

    def commit(self, message: str, script: str, *, deploy: bool = False) -> str:
        """Make a commit on the host: run `script` in a clone of origin/main, then commit and push. Returns its id. With `deploy`, deploy it
        as the team does."""
        sha = self.ssh(f"""set -e
            rm -rf /tmp/clone; git clone -q --no-hardlinks /srv/git/dyniq-voice.git /tmp/clone; cd /tmp/clone
            {script}
            git add --all; git commit -q -m '{message}'; git push -q origin HEAD:main; git rev-parse HEAD
            rm -rf /tmp/clone; git -C /opt/dyniq-voice fetch -q""")
        if deploy:
            self.ssh("""set -e; cd /opt/dyniq-voice; git pull -q; cd docker
                docker compose build -q agents-api >/dev/null 2>&1; docker compose up -d agents-api >/dev/null 2>&1""")
        return sha

    def listing(self) -> str:
        """Everything that a run could change: files with modes, owners and times; git; containers, images, networks and volumes."""
        # The time of /tmp itself is left out: every `docker exec` makes a file there for a moment.
        return self.ssh(r"""
            find /opt /backup /srv /root /etc /tmp /var/lib/rollback -printf '%p %y %m %U %G %s %T@ %i\n' 2>&1 | grep -v '^/tmp d ' | sort
            ls -A /dev/shm
            export GIT_OPTIONAL_LOCKS=0; cd /opt/dyniq-voice
            git status --porcelain --ignored; git for-each-ref; git log -g --format=%H%gd; git stash list
            docker ps -a --no-trunc --format '{{.ID}} {{.Names}} {{.Image}} {{.State}}' | sort
            docker network inspect $(docker network ls -q) --format '{{.Name}} {{range .Containers}}{{.Name}} {{end}}' | sort
            docker inspect $(docker ps -aq) --format '{{.Id}} {{.State.StartedAt}} {{.RestartCount}}' | sort
            docker images -a --no-trunc --format '{{.ID}} {{.Repository}}:{{.Tag}}' | sort
            docker network ls --no-trunc -q | sort; docker volume ls -q | sort""")
