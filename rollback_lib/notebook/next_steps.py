"""What to do after triage: working copies of the notebooks that fit, with their parameters filled in, and the same as command lines."""

from pathlib import Path

import yaml

from rollback_lib.notebook import display
from rollback_lib.notebook.links import link, under
from rollback_lib.notebook.view import View, code, note, stack
from rollback_lib.procedures.triage import Diagnosis, Finding, command
from rollback_lib.record.files import write_private
from rollback_lib.record.folder import incidents_root
from rollback_lib.run.incident import Incident
from rollback_lib.runbook import metadata, working_copy
from rollback_lib.stack.model import lasting


def offer(run: Incident, found: Diagnosis, stack_name: object) -> None:
    """Show the rollbacks that fit, the smallest first, each with a working copy of its notebook."""
    if not found.fitting:
        words = "There is nothing to do." if found.seen.healthy else "No rollback is offered: no row of the page fits."
        display.show(note("good" if found.seen.healthy else "warn", words))
        return
    name = str(stack_name) if isinstance(stack_name, str | Path) else str(_stack_file(run))
    display.show(stack(*(_rollback(number, finding, run, name) for number, finding in enumerate(found.fitting, 1))))


def _stack_file(run: Incident) -> Path:
    """Write the stack to a file, for a stack that was given as a mapping (with papermill's `-f parameters/NAME.yaml`)."""
    file = working_copy.place(incidents_root()) / f"{run.id}-stack.yaml"
    write_private(file, yaml.safe_dump({"stack": run.stack.model_dump(mode="json", exclude_unset=True)}, sort_keys=False))
    return file


def _rollback(number: int, finding: Finding, run: Incident, name: str) -> View:
    source = metadata.notebook(finding.procedure)
    assert source is not None
    place, told = (
        working_copy.place(incidents_root()) / run.id,
        {"stack": lasting(name), "reason": f"triage {run.id}", **finding.parameters},
    )
    copies = (
        (working_copy.unused(source, place, told), "to plan"),
        (working_copy.to_apply(source, place, told), f"to apply: it stops until {run.stack.host} is typed"),
    )
    look = command(finding, name)
    lines = f"{look}\n{look} --apply --confirm {run.stack.host}"
    lead = "First look at its plan, then apply it" + ("; look again with triage before the next" if number > 1 else "")
    views = [
        note("info", f"{number}. {finding.situation}: the {finding.procedure} rollback."),
        under(*(link(file, f"Open {file.name}, filled in, {what}", otherwise=run.opening.folder) for file, what in copies)),
        code(lines, title="In a terminal", lead=lead),
    ]
    return stack(*views, *(note("warn", f"Before you continue: {words}.") for words in finding.warnings))
