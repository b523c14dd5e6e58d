"""DAG files: Airflow can read them where it is installed; everywhere, what they and the docs call is there and has these arguments."""

import ast
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from rollback_lib.settings import HOME_VARIABLE, PROJECT

AIRFLOW = PROJECT / "deploy" / "airflow" / ".venv" / "bin" / "python"
EXAMPLES = sorted((PROJECT / "deploy" / "airflow" / "dags").glob("*.py"))
PAGE = (PROJECT / "docs" / "fleet.md").read_text()
SNIPPETS = [block for block in re.findall(r"(?:^ {4}.*\n|^\n)+", PAGE, re.MULTILINE) if "from rollback_lib.airflow" in block]
EVERY = """
import json, runpy, sys
from airflow.sdk import DAG
found = [one for file in sys.argv[1:] for one in runpy.run_path(file).values() if isinstance(one, DAG)]
print(json.dumps({one.dag_id: sorted(one.task_ids) for one in found}))
"""
DAGS = """
from rollback_lib.airflow.alert import alert
from rollback_lib.airflow.daily import daily
from rollback_lib.airflow.drills import drills
from rollback_lib.airflow.fleet import fleet

one, other = fleet("code", stacks="parameters/fleet/*.yaml", approvers=["anna"], serial=[1, "100%"]), drills(["code", "env"])
rest = daily(stacks="parameters/fleet/*.yaml", keep="730d"), alert(stacks="parameters/fleet/*.yaml", approvers=["anna"])
every_day, from_alerts = rest
"""


@pytest.mark.skipif(not AIRFLOW.exists(), reason="Airflow is not installed here: deploy/airflow/environment does that in two minutes")
def test_airflow_reads_the_dags(tmp_path: Path) -> None:
    """The example, and one of each; with a real Airflow, and no database."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "parameters" / "fleet").mkdir(parents=True)
    for name in "abc":
        (tmp_path / "parameters" / "fleet" / f"{name}.yaml").write_text("stack: {}\n")
    (tmp_path / "dags.py").write_text(DAGS)
    env = {**os.environ, HOME_VARIABLE: str(tmp_path), "AIRFLOW_HOME": str(tmp_path / "airflow")}
    argv = [AIRFLOW, "-c", EVERY, *EXAMPLES, tmp_path / "dags.py"]
    done = subprocess.run(argv, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert set(found) == {"fleet_code", "daily", "alert", "drills"}
    assert found["drills"] == ["drill_code", "drill_env", "passed"]
    assert found["daily"] == ["archive", "readiness", "table"]
    assert found["alert"] == ["firing", *(f"incident.{task}" for task in ("apply", "approve", "plan", "question", "suggest", "triage"))]
    waves = [f"wave_{number}.{task}" for number in (1, 2) for task in ("apply", "approve", "settle", "stacks")]
    undone = [f"undo_wave_{number}.{task}" for number in (1, 2) for task in ("stacks", "undo")]
    assert found["fleet_code"] == sorted(["hosts", "plan", "compare", *waves, "offer_undo", *undone, "verdict"])


def test_airflow_looks_into_the_example() -> None:
    """It skips files without these words."""
    assert EXAMPLES
    assert all(word in file.read_text().lower() for file in EXAMPLES for word in ("airflow", "dag"))


@pytest.mark.parametrize("text", [DAGS, *(file.read_text() for file in EXAMPLES), *SNIPPETS])
def test_what_is_called_is_there_and_has_these_arguments(text: str) -> None:
    tree = ast.parse("\n".join(line.removeprefix("    ") for line in text.splitlines()))
    imported = {name.name: node.module for node in tree.body if isinstance(node, ast.ImportFrom) for name in node.names}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    assert calls
    for call in calls:
        assert isinstance(call.func, ast.Name)
        known = _arguments(imported[call.func.id] or "", call.func.id)
        assert {word.arg for word in call.keywords} <= known, f"{call.func.id} has {known}"


def test_every_kind_of_dag_is_on_the_page() -> None:
    assert len(SNIPPETS) >= 5


def _arguments(module: str, name: str) -> set[str]:
    """The names of the arguments of a function, or of a class, in the source of a module; of an operator also those of every operator."""
    tree = ast.parse((PROJECT / f"{module.replace('.', '/')}.py").read_text())
    (found,) = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name]
    if isinstance(found, ast.ClassDef):
        (made,) = [one for one in found.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"]
        return {one.arg for one in made.args.kwonlyargs} | {"task_id", "pool"}
    return {one.arg for one in (*found.args.args, *found.args.kwonlyargs)}
