"""What to do after a triage: working copies of notebooks with their parameters filled in, and the same as command lines."""

import ast
import html
import json
import os
from collections.abc import Mapping
from pathlib import Path

import yaml

from rollback_lib.incident import Incident
from rollback_lib.notebook import display
from rollback_lib.notebook.view import View, code, note, stack
from rollback_lib.paths import PROJECT
from rollback_lib.procedures.triage import Diagnosis, Finding, command
from rollback_lib.record.files import write_private
from rollback_lib.record.folder import incidents_root

WORKING = "working"  # beside the records, since who works in a copy changes it


def offer(run: Incident, found: Diagnosis, stack_name: object) -> None:
    """Show the rollbacks that fit, the smallest first, each with a working copy of its notebook."""
    if not found.fitting:
        words = "Nothing is to be done." if found.seen.healthy else "No rollback is offered: nothing of the page fits."
        display.show(note("good" if found.seen.healthy else "warn", words))
        return
    name = str(stack_name) if isinstance(stack_name, str | Path) else str(_stack_file(run))
    display.show(stack(*(_one(number, one, run, name) for number, one in enumerate(found.fitting, 1))))


def _stack_file(run: Incident) -> Path:
    """The stack as a file, for one that came as a mapping: papermill's `-f parameters/NAME.yaml`."""
    file = _folder() / f"{run.id}-stack.yaml"
    write_private(file, yaml.safe_dump({"stack": run.stack.model_dump(mode="json", exclude_unset=True)}, sort_keys=False))
    return file


def _folder() -> Path:
    folder = incidents_root() / WORKING
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    return folder


def _one(number: int, one: Finding, run: Incident, name: str) -> View:
    copy = working_copy(one.procedure, {"stack": name, "reason": f"triage {run.id}", **one.parameters}, run.id)
    look = command(one, name)
    lines = f"{look}\n{look} --apply --confirm {run.stack.host}"
    lead = "First look at its plan, then apply it" + ("; look again with triage before the next" if number > 1 else "")
    views = [
        note("info", f"{number}. {one.situation}: the {one.procedure} rollback."),
        _link(copy, run.opening.folder),
        code(lines, title="In a terminal", lead=lead),
    ]
    return stack(*views, *(note("warn", f"Before you go on: {words}.") for words in one.warnings))


def working_copy(procedure: str, parameters: Mapping[str, str], incident: str) -> Path:
    """A copy of a procedure's notebook with these parameters in it, made private; the notebook itself stays as it is."""
    source = next(iter(sorted((PROJECT / "notebooks").glob(f"[0-9][0-9]_{procedure}.ipynb"))))
    content = json.loads(source.read_text())
    cell = next(cell for cell in content["cells"] if "parameters" in cell["metadata"].get("tags", ()))
    cell["source"] = [_filled(line, parameters) for line in cell["source"]]
    file = _folder() / f"{incident}-{source.name}"
    write_private(file, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return file


def _filled(line: str, parameters: Mapping[str, str]) -> str:
    """A line of the cell with the value that is given for its name."""
    try:
        node = ast.parse(line.strip()).body[0]
    except (SyntaxError, IndexError):
        return line
    if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name) or node.target.id not in parameters:
        return line
    comment = line.partition("  # ")[2]
    return f"{node.target.id}: str = {json.dumps(parameters[node.target.id], ensure_ascii=False)}" + (f"  # {comment}" if comment else "\n")


def _link(file: Path, record: Path) -> View:
    """A link for JupyterLab, which opens paths that are relative to the notebook: the one that a person has open, or the one that
    is kept in the record."""
    notebook = os.environ.get("JPY_SESSION_NAME", "")
    here = Path(notebook).parent if notebook else record
    address = html.escape(os.path.relpath(file, here), quote=True)
    words = f"Open {file.name}, filled in"
    return View(f'<p style="margin:.4em 0"><a href="{address}">{html.escape(words)}</a></p>', f"jupyter lab {file}")
