"""From a wheel to a plan, in a folder outside of the clone: the practice host of the package, and the notebook of the folder."""

import json
import os
import subprocess
from pathlib import Path

from lab.practice_host import PracticeHost
from tests.wheel import Installed


def test_a_runbook_folder_has_its_own_practice_host_and_plans_on_it(
    installed: Installed, practice_host: PracticeHost, tmp_path: Path
) -> None:
    folder, name = tmp_path / "runbooks", f"{practice_host.name}-wheel"
    assert installed.rollback("init", f"{folder}/", cwd=tmp_path).returncode == 0
    ports = ["--ssh-port", str(practice_host.ssh_port + 4), "--https-port", str(practice_host.https_port + 4)]
    try:
        up = installed.rollback("lab", "up", "--name", name, *ports, cwd=folder)
        assert up.returncode == 0, up.stderr
        assert installed.rollback("lab", "break", "code", "--name", name, cwd=folder).returncode == 0
        stack = f"../.lab/{name}/stack.yaml"
        plan = installed.rollback("run", "code", "--stack", stack, "--json", cwd=folder / "parameters")
        assert plan.returncode == 0, plan.stdout + plan.stderr
        said = json.loads(plan.stdout)
        assert said["verdict"] == "planned"
        record = Path(said["folder"])
        assert record.is_relative_to(folder / "incidents")
        assert (record / "plan.sh").exists()
    finally:
        down = installed.rollback("lab", "down", "--name", name, cwd=folder)
    assert down.returncode == 0, down.stderr
    assert not (folder / ".lab" / name).exists()


def test_plain_papermill_runs_a_notebook_of_the_folder(installed: Installed, practice_host: PracticeHost, tmp_path: Path) -> None:
    """It knows nothing of runbook folders; the run finds the one it is run in."""
    if not practice_host.running():
        practice_host.up()
    assert installed.rollback("init", cwd=tmp_path).returncode == 0
    (tmp_path / "parameters" / "mine.yaml").write_text((practice_host.folder / "stack.yaml").read_text())
    papermill = [installed.python, "-m", "papermill", "--no-progress-bar"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ROLLBACK_")}
    done = subprocess.run(
        [*papermill, "00_triage.ipynb", "../out.ipynb", "-p", "stack", "mine"],
        cwd=tmp_path / "notebooks", env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (record,) = tmp_path.glob("incidents/[0-9]*/*/*/*/record.json")
    assert json.loads(record.read_text())["verdict"] == "looked"
