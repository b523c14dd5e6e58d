"""The page of rollback procedures in Markdown, made from the notebooks and the times that their runs took."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from urllib.parse import quote

import yaml

from rollback_lib.runbook import parameters_cell
from rollback_lib.runbook.metadata import Notebook
from rollback_lib.text import tables, times

_SENTENCE = (
    "How to bring a deployment back when it fails in production. `rollback docs` writes this page from the notebooks and the records: "
    "corrections belong there."
)
_CHECKLIST = """## Pre-Rollback Checklist

Run the notebook without `--apply` first: section 5, *Confirm*, shows these points with what is known of each. One that is required
(`required:` in the stack), or a target that was found bad here, refuses `--apply` until somebody vouches for it: `--checked target`.

- [ ] What is broken is documented: section 2 keeps it in the record, and the logs of the containers that go.
- [ ] The change that caused it is identified: commit, image, variables or file, by whom and when.
- [ ] The target is known to be stable: for how long it was healthy on this host, and whether it was ever found bad.
- [ ] Everyone affected is told: by `notify:` in the stack, when the run begins and when it ends."""


def markdown(notebooks: Sequence[Notebook], seconds: Mapping[str, Sequence[float]], budgets: Mapping[str, float], folder: Path) -> str:
    """The page, with links for a file in `folder`. `seconds` holds how long the successful runs of each procedure took, `budgets` how many
    seconds a run may take. A procedure may be missing in either."""
    rows = ["| Situation | Action | Time |", "|-----------|--------|------|"]
    for notebook in notebooks:
        if notebook.situation:
            link = quote(Path(os.path.relpath(notebook.file, folder)).as_posix())
            time = _time(seconds.get(notebook.procedure, ()), budgets.get(notebook.procedure))
            rows.append(f"| {_cell(notebook.situation)} | [{_cell(notebook.action)}]({link}): `{_commands(notebook)[0]}` | {time} |")
    parts = [
        _front_matter(notebooks), "# Rollback Procedures", _SENTENCE,
        "## Quick Rollback Decision Tree", "\n".join(rows), *map(_section, notebooks), _CHECKLIST,
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _front_matter(notebooks: Sequence[Notebook]) -> str:
    keys = {
        "sidebar_position": 3,
        "title": "Rollback Procedures",
        "description": "How to roll back deployments and recover from failed releases",
        "doc_owner": ", ".join(sorted({notebook.owner for notebook in notebooks})),
        "review_cycle": f"{min(notebook.cycle for notebook in notebooks).days}d",
        "doc_status": ", ".join(sorted({notebook.status for notebook in notebooks})),
    }
    return f"---\n{yaml.safe_dump(keys, sort_keys=False, allow_unicode=True)}---"


def _section(notebook: Notebook) -> str:
    head, *sections = re.split(r"^## ", notebook.text, flags=re.MULTILINE)
    title, _, opening = head.strip().removeprefix("# ").partition("\n")
    look, *apply = _commands(notebook)
    commands = [look, *(f"{command}  # once you have read the plan" for command in apply)]
    parts = [f"## {title}", opening.strip(), "\n".join(["```bash", *commands, "```"])]
    steps = next((section.partition("\n")[2].strip() for section in sections if section.startswith("6 ")), "")
    return "\n\n".join([*parts, "### What it runs", steps] if steps else parts)


def _commands(notebook: Notebook) -> list[str]:
    """The command that plans; and, if the notebook can change a host, the command that applies."""
    asked = notebook.parameters
    by_incident = "incident" in asked
    look = f"rollback {notebook.procedure} INCIDENT" if by_incident else f"rollback run {notebook.procedure} --stack NAME"
    if "confirm" not in asked:
        return [look]
    # Without a person, a notebook that loses data only applies if the loss was accepted by this parameter.
    accepted = " -p accept_loss=true" if parameters_cell.loses_data(asked, {}) and not by_incident else ""
    return [look, f"{look} --apply --confirm HOST{accepted}"]


def _time(seconds: Sequence[float], budget: float | None) -> str:
    allowed = [f"budget {times.given(budget)}"] if budget else []
    if not seconds:
        return ", ".join([*allowed, "no run yet"])
    typical, worst = times.exactly(median(seconds)), times.exactly(max(seconds))
    return "; ".join([f"median {typical}, worst {worst} in {tables.count(len(seconds), 'run')}", *allowed])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("<", "\\<").replace("|", "\\|")
