"""`rollback review` and `rollback docs`: the pages that are written from notebooks, records and the model, kept up to date."""

import argparse
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rollback_lib.errors import ParameterError, RollbackError

if TYPE_CHECKING:
    from rollback_lib.runbook.metadata import Notebook
    from rollback_lib.runbook.review import Standing

_COLUMNS = ("notebook", "owner", "status", "reviewed", "review due", "last successful run", "open")


class Overdue(RollbackError):
    """A notebook is overdue for review, or was not seen to work in that time."""

    status = 7


def add(commands: Any) -> None:
    """The parsers of these commands."""
    review = commands.add_parser("review", help="which notebooks are overdue for review, or had no successful run in that time")
    which = review.add_mutually_exclusive_group()
    which.add_argument("--done", metavar="PROCEDURE", help="write into its notebook that it was reviewed today")
    which.add_argument("--json", action="store_true")
    review.set_defaults(command=_review)
    docs = commands.add_parser("docs", help="regenerate the page of rollback procedures and the reference of the stack file")
    docs.add_argument(
        "-o", dest="file", type=Path, metavar="FILE",
        help="where to write the page of procedures, and only that (default: docs/rollback-procedures.md of the runbook folder, "
        "docs/stack-file.md beside it, and the schema of the stack file in parameters/)",
    )  # fmt: skip
    docs.add_argument("--stack", default="", metavar="NAME", help="with the budgets and the measured times of this stack only")
    docs.set_defaults(command=_docs)


def _review(arguments: argparse.Namespace) -> int:
    from rollback_lib.record.folder import incidents_root
    from rollback_lib.record.history import incidents
    from rollback_lib.runbook import metadata
    from rollback_lib.runbook.review import standing

    notebooks = metadata.notebooks(metadata.folder())
    if arguments.done is not None:
        return _done(notebooks, arguments.done, _today())
    records = incidents(incidents_root())
    standings = [standing(one, records, _today()) for one in notebooks]
    if arguments.json:
        print(json.dumps([_summary(one) for one in standings], indent=1, ensure_ascii=False))
    else:
        _print_table(standings)
    overdue = [one.notebook.procedure for one in standings if one.gaps]
    if overdue:
        raise Overdue(f"not in order: {', '.join(overdue)}; do what `rollback review` says beside each")
    return 0


def _today() -> date:
    return datetime.now(UTC).date()  # as records count days


def _done(notebooks: Sequence["Notebook"], procedure: str, today: date) -> int:
    from rollback_lib.runbook.metadata import mark_reviewed

    notebook = next((one for one in notebooks if one.procedure == procedure), None)
    if notebook is None:
        known = ", ".join(one.procedure for one in notebooks)
        raise ParameterError(f"there is no notebook of {procedure!r} to review; there are: {known}")
    mark_reviewed(notebook, today)
    print(f"{notebook.file.name} was reviewed on {today}; its next review is due on {today + notebook.cycle}. Commit it.")
    return 0


def _summary(one: "Standing") -> dict[str, Any]:
    from rollback_lib.runbook.review import day_of

    last = one.last and {"day": str(day_of(one.last)), "stack": one.last.get("stack"), "incident": one.last["incident"]}
    return {
        "notebook": one.notebook.file.stem, "procedure": one.notebook.procedure, "owner": one.notebook.owner,
        "status": one.notebook.status, "reviewed": str(one.notebook.reviewed), "due": str(one.due), "last": last,
        "open": [gap.__dict__ for gap in one.gaps],
    }  # fmt: skip


def _print_table(standings: Sequence["Standing"]) -> None:
    from rollback_lib.secrets.redactor import clean
    from rollback_lib.text import tables

    rows = [_COLUMNS]
    for one in map(_summary, standings):
        last = f"{one['last']['day']} {one['last']['stack']}" if one["last"] else "none"
        left = "; ".join(f"{gap['words']}: {gap['do']}" for gap in one["open"]) or "in order"
        rows.append((one["notebook"], one["owner"], one["status"], one["reviewed"], one["due"], last, left))
    for line in tables.lines(rows):
        print(clean(line))


def _docs(arguments: argparse.Namespace) -> int:
    from rollback_lib.record.folder import incidents_root
    from rollback_lib.record.history import incidents
    from rollback_lib.runbook import metadata, page
    from rollback_lib.runbook.review import successes
    from rollback_lib.stack import reference
    from rollback_lib.stack.model import Budgets, Stack

    stack = Stack.load(arguments.stack) if arguments.stack else None
    records = incidents(incidents_root(), stack=stack.name if stack else "")
    notebooks = metadata.ours()
    seconds = {one.procedure: [float(run["seconds"]) for run in successes(one, records) if "seconds" in run] for one in notebooks}
    budgets = (stack.budgets if stack else Budgets()).model_dump()
    file = arguments.file or _docs_folder() / "rollback-procedures.md"
    _write(file, page.markdown(notebooks, seconds, budgets, file.parent))
    print(f"The page is {file}, of {len(notebooks)} notebooks and {sum(map(len, seconds.values()))} successful runs.")
    if not arguments.file:
        _write(file.parent / "stack-file.md", reference.markdown())
        print(f"The reference of the stack file is {file.parent / 'stack-file.md'}, its schema {_schema()}.")
    return 0


def _docs_folder() -> Path:
    """docs/ of the runbook folder; a new one has none yet."""
    from rollback_lib.settings import home

    folder = home() / "docs"
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise ParameterError(f"{folder} cannot be made ({error.strerror}); give another path with -o") from None
    return folder


def _schema() -> Path:
    """The schema of the stack file, written beside the stack files."""
    from rollback_lib.settings import home
    from rollback_lib.stack import schema

    file = home() / "parameters" / schema.FILE
    _write(file, schema.text())
    return file


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ParameterError(f"{file} cannot be written ({error.strerror}); give another path with -o") from None
