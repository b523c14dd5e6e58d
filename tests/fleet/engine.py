"""A real Airflow for tests: standalone, LocalExecutor, SQLite, in a folder of its own; people log in by name, and use its REST API."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

from rollback_lib.settings import PROJECT

T = TypeVar("T")
RUN = PROJECT / "deploy" / "airflow" / "run"
PEOPLE = ("anna", "ben", "eve")
PASSWORD = "of-a-test"


def until(what: str, look: Callable[[], T | None], seconds: float = 180) -> T:
    """Wait until `look` finds something."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if found := look():
            return found
        time.sleep(0.3)
    raise AssertionError(f"{what}: not in {seconds} s")


class Airflow:
    """Airflow in `folder`, with the DAGs of a file there. `runbooks` is the runbook folder; `more` are environment variables."""

    def __init__(self, folder: Path, runbooks: Path, port: int, more: Mapping[str, str] | None = None) -> None:
        self.home = folder / "airflow"
        self.dags = folder / "dags"
        self.url = f"http://127.0.0.1:{port}"
        passwords = folder / "passwords.json"
        passwords.write_text(json.dumps(dict.fromkeys(PEOPLE, PASSWORD)))
        self.dags.mkdir(exist_ok=True)
        self.env = {
            **os.environ, "AIRFLOW_HOME": str(self.home), "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags), "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{one}:op" for one in PEOPLE),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords), "ROLLBACK_HOME": str(runbooks),
            "ROLLBACK_COMMAND": str(PROJECT / ".venv/bin/rollback"), "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
            "AIRFLOW__CORE__PARALLELISM": "3", **(more or {}),
        }  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self._others: list[psutil.Process] = []
        self._orphans: list[psutil.Process] = []
        self._tokens: dict[str, str] = {}

    @contextmanager
    def running(self) -> Iterator["Airflow"]:
        try:
            self.start()
            yield self
        finally:
            self.stop()

    def start(self) -> None:
        """Start it, and wait until it is healthy and knows the DAGs."""
        self.home.mkdir(exist_ok=True)
        with open(self.home.parent / "standalone.log", "ab") as log:
            self._process = subprocess.Popen(
                ["nice", "-n", "19", RUN], env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        until("Airflow is healthy", self._healthy, 180)

    def stop(self) -> None:
        """End it and all that it has started."""
        if self._process:
            ours = [*self.processes(), *(child for one in self._others for child in (*one.children(recursive=True), one)), *self._orphans]
            self._process.send_signal(signal.SIGTERM)
            for one in self._others:
                one.terminate()
            _, left = psutil.wait_procs(ours, timeout=20)
            for one in left:
                with suppress(psutil.NoSuchProcess):
                    one.kill()
            self._process.wait(30)
            self._process = None

    def processes(self) -> list[psutil.Process]:
        assert self._process
        return psutil.Process(self._process.pid).children(recursive=True)

    def scheduler(self) -> psutil.Process:
        """The process of the scheduler."""
        assert self._process
        return next(one for one in psutil.Process(self._process.pid).children() if "scheduler" in one.cmdline())

    def restart_scheduler(self) -> None:
        """Kill the scheduler, and start another. What the first one had started goes on without it."""
        old = self.scheduler()
        self._orphans += old.children(recursive=True)
        old.kill()
        with open(self.home.parent / "scheduler.log", "ab") as log:
            made = subprocess.Popen([RUN, "scheduler"], env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._others.append(psutil.Process(made.pid))

    def cli(self, *words: str) -> str:
        """What a command of Airflow prints."""
        return subprocess.run([RUN, *words], env=self.env, capture_output=True, text=True, check=True).stdout

    # -- what people do ------------------------------------------------------------------------------------------------------------

    def get(self, path: str, by: str = "anna", **params: Any) -> dict[str, Any]:
        """What the API answers."""
        return self._call("GET", path, by, params=params).raise_for_status().json()

    def trigger(self, dag: str, by: str = "anna", **conf: Any) -> str:
        """Trigger a run. Returns its id."""
        until(f"{dag} is known", lambda: self._call("GET", f"/dags/{dag}", by).is_success or None, 60)
        self._call("PATCH", f"/dags/{dag}", by, json={"is_paused": False}).raise_for_status()
        made = self._call("POST", f"/dags/{dag}/dagRuns", by, json={"logical_date": None, "conf": conf})
        assert made.is_success, made.text
        return str(made.json()["dag_run_id"])

    def answer(self, dag: str, run: str, task: str, chosen: str, by: str = "ben", index: int = -1) -> httpx.Response:
        """Answer a question, once it is asked; again, if Airflow loses the answer and asks again."""
        path = f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}/{index}/hitlDetails"
        while True:
            until(f"{task} is asked", lambda: self.state(dag, run, task, index) == "awaiting_input" or None, 300)
            time.sleep(2)
            given = self._call("PATCH", path, by, json={"chosen_options": [chosen], "params_input": {}})
            if not given.is_success or until(f"{task} ends", lambda: self._taken(dag, run, task, index)) == "yes":
                return given

    def mark_task(self, dag: str, run: str, task: str, index: int, by: str = "anna") -> None:
        """Mark a task as failed, as a person does in Airflow's page."""
        path = f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}/{index}"
        self._call("PATCH", path, by, json={"new_state": "failed"}).raise_for_status()

    def mark(self, dag: str, run: str, by: str = "anna") -> None:
        """Mark a run as failed, as a person does in Airflow's page: what is going on is ended, and nothing more begins."""
        self._call("PATCH", f"/dags/{dag}/dagRuns/{run}", by, json={"state": "failed"}).raise_for_status()

    def _taken(self, dag: str, run: str, task: str, index: int) -> str | None:
        """Whether an answer has ended the task ("yes"), or is asked for "again"; None as long as that is open."""
        state = self.state(dag, run, task, index)
        if state in ("success", "failed"):
            return "yes"
        asked = self.get(f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}/{index}/hitlDetails")
        return "again" if state == "awaiting_input" and not asked["response_received"] else None

    def state(self, dag: str, run: str, task: str, index: int = -1) -> str | None:
        """The state of a task; of a mapped one, of the stack with that index. None if there is none yet."""
        answer = self._call(
            "GET",
            f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}/{index}" if index >= 0 else f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}",
        )
        return answer.json()["state"] if answer.is_success else None

    def states(self, dag: str, run: str) -> dict[str, list[str]]:
        """The states of all tasks, by task; of a mapped one, of each stack."""
        found: dict[str, list[str]] = {}
        for one in sorted(
            self.get(f"/dags/{dag}/dagRuns/{run}/taskInstances", limit=500)["task_instances"], key=lambda one: one["map_index"]
        ):
            found.setdefault(one["task_id"], []).append(str(one["state"]))
        return found

    def ended(self, dag: str, run: str, seconds: float = 300) -> str:
        """Wait for the end of a run. Returns its state."""
        return until(f"{run} ends", lambda: self._over(dag, run), seconds)

    def xcom(self, dag: str, run: str, task: str, key: str = "return_value", index: int = -1) -> Any:
        """What a task has left."""
        path = f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}/xcomEntries/{key}"
        return self.get(path, map_index=index, deserialize=True)["value"]

    def log(self, dag: str, run: str, task: str) -> str:
        """The log of a task."""
        return "\n".join(file.read_text() for file in self.home.glob(f"logs/dag_id={dag}/run_id={run}/task_id={task}/**/*.log"))

    def _over(self, dag: str, run: str) -> str | None:
        state = self.get(f"/dags/{dag}/dagRuns/{run}")["state"]
        return state if state in ("success", "failed") else None

    def _call(self, method: str, path: str, by: str = "anna", **given: Any) -> httpx.Response:
        if by not in self._tokens:
            made = httpx.post(f"{self.url}/auth/token", json={"username": by, "password": PASSWORD}, timeout=30).raise_for_status()
            self._tokens[by] = made.json()["access_token"]
        headers = {"Authorization": f"Bearer {self._tokens[by]}"}
        return httpx.request(method, f"{self.url}/api/v2{path}", headers=headers, timeout=30, **given)

    def _healthy(self) -> bool | None:
        assert self._process
        assert self._process.poll() is None, (self.home.parent / "standalone.log").read_text()[-3000:]
        try:
            answer = httpx.get(f"{self.url}/api/v2/monitor/health", timeout=5).json()
        except (httpx.HTTPError, ValueError):
            return None
        return all(answer[one]["status"] == "healthy" for one in ("metadatabase", "scheduler", "dag_processor")) or None
