"""A fleet of practice hosts from the point of view of a test."""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.practice_host import PracticeHost
from rollback_lib.settings import PROJECT
from tests.faults import freeze
from tests.fleet.engine import Airflow

SECRET = "planted-3Qz8vB1nR7"  # in a connection of Airflow, and in the environment of the worker
STATE = "/var/lib/rollback/dyniq-voice"  # where `freeze` looks for jobs


@dataclass(frozen=True)
class Fleet:
    """The engine, the hosts by the names of their stack files, and the runbook folder."""

    airflow: Airflow
    hosts: dict[str, PracticeHost]
    runbooks: Path

    def break_(self, scenario: str, *names: str) -> None:
        for name in names or self.hosts:
            self.hosts[name].break_(scenario)

    def ssh(self, name: str, script: str) -> str:
        argv = ["ssh", "-F", self.hosts[name].ssh_config, "contabo", "sh -s"]
        return subprocess.run(argv, input=script, capture_output=True, text=True, check=True).stdout.strip()

    def heads(self) -> dict[str, str]:
        """The commit of each host."""
        return {name: self.ssh(name, "git -C /opt/dyniq-voice rev-parse HEAD") for name in self.hosts}

    def records(self, name: str, mode: str = "apply") -> list[dict[str, Any]]:
        """The records of a stack, oldest first."""
        return [one for one in self.every_record() if (one["stack"], one["mode"]) == (f"voice-{name}", mode)]

    def every_record(self) -> list[dict[str, Any]]:
        """All records of the worker, oldest first."""
        return [json.loads(file.read_text()) for file in sorted(self.runbooks.glob("incidents/[0-9]*/*/*/*/record.json"))]

    def rollback(self, *words: str) -> str:
        """What a command of a person at the worker prints; it must succeed."""
        env = {**os.environ, "ROLLBACK_HOME": str(self.runbooks), "CHAT_TOKEN": SECRET}
        done = subprocess.run([PROJECT / ".venv/bin/rollback", *words], env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def events(self, incident: str) -> list[dict[str, Any]]:
        (file,) = self.runbooks.glob(f"incidents/[0-9]*/*/*/*-{incident}/events.jsonl")
        return [json.loads(line) for line in file.read_text().splitlines()]

    def edit(self, name: str, **changes: Any) -> None:
        """Change keys of a stack file."""
        file = self.runbooks / "parameters" / "fleet" / f"{name}.yaml"
        content = yaml.safe_load(file.read_text())
        content["stack"].update(changes)
        file.write_text(yaml.safe_dump(content))

    def cut_off(self, name: str) -> None:
        """From now on nothing answers where the host of a stack should be."""
        host, config = self.hosts[name], self.runbooks / "ssh_config"
        config.write_text(host.ssh_config.read_text().replace(f"Port {host.ssh_port}", "Port 9"))
        self.edit(name, ssh_config=str(config))

    def page(self, kind: str) -> Path:
        """The newest fleet page of a kind."""
        return max(self.runbooks.glob(f"fleet/*/*-{kind}.html"), key=lambda file: file.stat().st_mtime)


def frozen(fleet: Fleet, dag: str) -> tuple[str, str]:
    """A run of the fleet that has begun with stack a alone, in the midst of a step. Returns it, and the folder of the job on the host."""
    run = fleet.airflow.trigger(dag, by="anna", leave_out=["b", "c"])
    with ThreadPoolExecutor(1) as pool:
        frozen = pool.submit(freeze, fleet.hosts["a"], "recreate", 1, 200.0)
        assert fleet.airflow.answer(dag, run, "wave_1.approve", "Approve", by="ben").is_success
        return run, frozen.result()
