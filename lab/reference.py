"""Reference outputs: each notebook is run in a drill, and its outputs are kept in notebooks/ as a worked example. Tests compare them."""

import hashlib
import html
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lab.drill import DRILLS, MARKED, mark
from lab.practice_host import PracticeHost
from rollback_lib.errors import LabError
from rollback_lib.record.folder import ROOT_VARIABLE, Folder, incidents_root, who
from rollback_lib.record.verdict import Verdict
from rollback_lib.runbook import working_copy
from rollback_lib.runbook.metadata import Notebook, notebooks
from rollback_lib.settings import PROJECT

# For each notebook, the scenario that breaks the host, and its parameters besides those that all notebooks get.
RECORDED: dict[str, tuple[str, dict[str, str]]] = {"triage": ("code", {}), **DRILLS, "resume": ("code", {})}
PARAMETERS = {"mode": "apply", "confirm": "contabo", "on_failure": "undo", "reason": "drill"}
CUT = "plan.recreate"  # the run to be resumed is cut off before this step: the files are new then, and the container is old
OPERATOR = "operator@laptop"  # replaces the user and machine that record

Content = dict[str, Any]


def known() -> dict[str, Notebook]:
    """The notebooks by procedure."""
    return {notebook.procedure: notebook for notebook in notebooks(PROJECT / "notebooks")}


def record(host: PracticeHost, procedure: str) -> Path:
    """Run a notebook in a drill, and store the outputs in its file; nothing else in it changes. Returns the file.

    Records go to a temporary folder, so that the run knows of no earlier ones. Raises LabError if the drill does not end well.
    """
    if host.running():
        host.reset()
    else:
        host.up()
    with TemporaryDirectory() as root:
        os.environ[ROOT_VARIABLE] = root  # this process does nothing else
        executed = run(copy(procedure, prepare(host, procedure)))
        content = _named_neutrally(json.loads(executed.read_text()), host)
    file = known()[procedure].file
    kept = json.loads(file.read_text())
    take_outputs(content, kept)
    kept["metadata"]["rollback"]["recorded"] = made_with(procedure, kept)
    file.write_text(layout(kept))
    return file


def prepare(host: PracticeHost, procedure: str) -> dict[str, str]:
    """Break a clean host as the notebook needs it. Returns the parameters for the notebook."""
    scenario, _ = RECORDED[procedure]
    if procedure in MARKED:
        mark(host.folder / "stack.yaml")
    if scenario:
        host.break_(scenario)
    parameters = {"stack": str(host.folder / "stack.yaml"), **drill_parameters(procedure)}
    if "incident" in known()[procedure].parameters:
        parameters["incident"] = _earlier_run(scenario, parameters.pop("stack"), cut=procedure == "resume")
    return parameters


def drill_parameters(procedure: str) -> dict[str, str]:
    """The parameters of a notebook's drill, without those that depend on the host."""
    every = {**PARAMETERS, **RECORDED[procedure][1]}
    return {name: every[name] for name in known()[procedure].parameters if name in every}


def copy(procedure: str, parameters: Mapping[str, str]) -> Path:
    """Make a copy of the notebook with these parameters and without outputs, in the folder of the records. Returns its path."""
    source, root = known()[procedure].file, incidents_root()
    return working_copy.copy(source, working_copy.place(root) / f"drill-{source.name}", parameters)


def run(file: Path) -> Path:
    """Run a copy with papermill. Returns the executed notebook. Raises LabError if the run does not end well."""
    executed = file.with_name(f"executed-{file.name}")
    argv = [sys.executable, "-m", "papermill", str(file), str(executed), "--kernel", "python3", "--no-progress-bar"]
    done = subprocess.run(argv, cwd=PROJECT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise LabError(f"the drill of {file.name} ended in an error, so its outputs are not kept: {done.stderr[-2000:]}")
    ended = Folder(_last_folder()).record()
    if Verdict(ended["verdict"]).status:
        raise LabError(f"the drill of {file.name} ended as {ended['verdict']}, so its outputs are not kept: {ended['reason']}")
    return executed


def take_outputs(executed: Content, kept: Content) -> None:
    """Copy the outputs of each cell into the same cell of `kept`. Each stream is joined into one text, as nbval compares it."""
    cells = {cell["id"]: cell for cell in executed["cells"]}
    for cell in kept["cells"]:
        if cell["cell_type"] == "code":
            cell["execution_count"] = cells[cell["id"]]["execution_count"]
            cell["outputs"] = _coalesced(cells[cell["id"]]["outputs"])


def made_with(procedure: str, content: Content) -> Content:
    """What the outputs of a notebook depend on. If it differs from what was recorded with them, the outputs are out of date."""
    code = [(cell["id"], "".join(cell["source"]), cell["metadata"].get("tags", [])) for cell in content["cells"] if "outputs" in cell]
    return {
        "sources": hashlib.sha256(json.dumps(code).encode()).hexdigest(),
        "scenario": RECORDED[procedure][0],
        "parameters": drill_parameters(procedure),
    }


def layout(content: Content) -> str:
    """The text of a notebook, laid out as in the repository."""
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _earlier_run(procedure: str, stack: str, *, cut: bool) -> str:
    """Run the rollback that fixes the broken host, in a process of its own. With `cut`, it ends between two steps. Returns the incident."""
    cells = json.loads(copy(procedure, {"stack": stack, **drill_parameters(procedure)}).read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    if cut:
        code = [*code[: next(number for number, source in enumerate(code) if CUT in source)], "import os; os._exit(0)"]
    done = subprocess.run([sys.executable, "-"], input="\n".join(code), cwd=PROJECT, capture_output=True, text=True)
    if done.returncode:
        raise LabError(f"the run of {procedure} before it failed: {done.stderr[-2000:]}")
    return Folder(_last_folder()).id


def _last_folder() -> Path:
    return max(incidents_root().glob("[0-9]*/*/*/*"), key=lambda folder: (folder / "events.jsonl").stat().st_mtime_ns)


def _coalesced(outputs: list[Content]) -> list[Content]:
    found: list[Content] = []
    streams: dict[str, Content] = {}
    for output in outputs:
        if output.get("name") in streams:
            streams[output["name"]]["text"] += output["text"]
            continue
        found.append(output)
        if output["output_type"] == "stream":
            streams[output["name"]] = output
    return found


def _named_neutrally(content: Any, host: PracticeHost) -> Any:
    """The notebook with the folders, ports and user of this machine replaced by neutral names."""
    replacements = {
        str(host.folder / "stack.yaml"): "drill", str(host.folder): ".lab", str(incidents_root()): "incidents", f"{PROJECT}/": "",
        str(PROJECT): ".", who(): OPERATOR, f"127.0.0.1:{host.https_port}": "127.0.0.1:22443",
    }  # fmt: skip

    def renamed(value: Any) -> Any:
        if isinstance(value, str):
            for machine, neutral in replacements.items():
                value = value.replace(machine, neutral).replace(html.escape(machine), html.escape(neutral))
            return value
        if isinstance(value, list):
            return [renamed(item) for item in value]
        if isinstance(value, dict):
            return {key: renamed(item) for key, item in value.items()}
        return value

    return renamed(content)
