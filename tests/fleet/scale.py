"""How the engine's own cost grows with the fleet: `.venv/bin/python -m tests.fleet.scale 50 500`, on a machine that does nothing else.

In place of `rollback` a stand-in answers at once what a real one has said, so that what is measured is Airflow, the fleet page, and this
package's part of a task. What a run itself costs is measured by `make bench`.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import psutil

from rollback_lib.settings import PROJECT
from tests.fleet.engine import Airflow, until

PORT = 8190
STAND_IN = """#!/bin/sh
case "$*" in
    *search*) echo '[]' ;;
    *--apply*) cat {folder}/applied.json ;;
    *) cat {folder}/planned.json ;;
esac
"""
ANSWER = {
    "reason": "recorded", "error": None, "incident": "3f2a9c", "seconds": 2.0, "plan": "afb49fd011ee", "target": "b6d91b1719b4",
    "losses": ["in the tree, changed (1): server.py"], "findings": [], "undo": None,
}  # fmt: skip
DAG = """
from rollback_lib.airflow.fleet import fleet
dag = fleet("code", stacks="parameters/fleet/*.yaml", approvers=["ben"], approve="once")
"""


def prepare(folder: Path, stacks: int) -> Airflow:
    """An Airflow with a fleet of so many stacks, and the stand-in."""
    runbooks, record = folder / "runbooks", folder / "record"
    for one in (record, runbooks / "notebooks", runbooks / "parameters" / "fleet"):
        one.mkdir(parents=True)
    text = (PROJECT / "parameters" / "production.yaml").read_text()
    for number in range(stacks):
        (runbooks / "parameters" / "fleet" / f"shop-{number:04}.yaml").write_text(
            text.replace("name: dyniq", f"name: shop-{number}-dyniq", 1)
        )
    (record / "plan.sh").write_text("docker compose up --detach --no-deps --force-recreate agents-api # as recorded\n" * 120)  # 10 kB
    for name, verdict, state in (("planned", "planned", "not begun"), ("applied", "succeeded", "done")):
        steps = [{"name": step, "state": state, "seconds": None} for step in ("keep", "build", "restore_tree", "recreate", "remember")]
        answer = {**ANSWER, "verdict": verdict, "status": 0, "folder": str(record), "steps": steps}
        (folder / f"{name}.json").write_text(json.dumps(answer))
    program = folder / "stand-in"
    program.write_text(STAND_IN.format(folder=folder))
    program.chmod(0o755)
    made = Airflow(folder, runbooks, PORT, {"ROLLBACK_COMMAND": str(program), "ROLLBACK_SLOTS": "8", "AIRFLOW__CORE__PARALLELISM": "8"})
    (made.dags / "dags.py").write_text(DAG)
    return made


def used(engine: Airflow) -> float:
    """The processor time in seconds of everything that Airflow has run so far and is known of."""
    total = 0.0
    for one in engine.processes():
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def measure(stacks: int) -> str:
    """A row: stacks, the seconds until all are planned and compared, until the last wave is settled, and of processor per stack."""
    with tempfile.TemporaryDirectory() as folder, prepare(Path(folder), stacks).running() as engine:
        before, began = used(engine), time.monotonic()
        run = engine.trigger("fleet_code", by="anna")
        until("the question", lambda: engine.state("fleet_code", run, "wave_1.approve") == "awaiting_input" or None, 3600)
        planned = time.monotonic() - began
        memory = sum(one.memory_info().rss for one in engine.processes()) / 2**20
        answered = time.monotonic()
        assert engine.answer("fleet_code", run, "wave_1.approve", "Approve", by="ben").is_success
        assert engine.ended("fleet_code", run, 3600) == "success"
        done = time.monotonic() - answered
        cpu = (used(engine) - before) / stacks
        page = max(Path(engine.env["ROLLBACK_HOME"]).glob("fleet/*/*-plan.html"))
        return f"| {stacks} | {planned:.0f} s | {done:.0f} s | {cpu:.1f} s | {memory:.0f} MB | {page.stat().st_size / 1000:.0f} kB |"


if __name__ == "__main__":
    print("| stacks | planned and compared | all waves | processor per stack | memory | fleet page |\n|---|---|---|---|---|---|")
    for word in sys.argv[1:]:
        print(measure(int(word)), flush=True)
