"""`rollback incidents diff` and `postmortem`: two records beside each other, and the draft of a post-mortem."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rollback_lib.errors import ParameterError

if TYPE_CHECKING:
    from rollback_lib.archive.reading import Archive
    from rollback_lib.cli.records import Here
    from rollback_lib.record.folder import Folder
    from rollback_lib.report.postmortem import Other

_ID = "its id, as `rollback incidents list` shows it"


def add(actions: Any) -> None:
    """The parsers of these commands."""
    from rollback_lib.cli import records

    diff = actions.add_parser("diff", help="what differs between two records: target, plan, state, parameters, times, outcome, the host")
    diff.add_argument("incident", metavar="A", help=_ID)
    diff.add_argument("other", metavar="B", help="that of another")
    diff.add_argument("--json", action="store_true", help="all of it, as JSON")
    diff.set_defaults(command=_diff)
    draft = actions.add_parser("postmortem", help="write the draft of a post-mortem, with all runs at the same outage, in Markdown")
    draft.add_argument("incident", metavar="INCIDENT", help=_ID)
    draft.add_argument(
        "-o", dest="file", type=Path, default=Path("postmortem.md"), metavar="FILE", help="where to (default: postmortem.md)"
    )
    draft.set_defaults(command=_postmortem)
    for one in (diff, draft):
        records.add(one)


def _diff(arguments: argparse.Namespace) -> int:
    from rollback_lib.cli import records
    from rollback_lib.report.comparison import compare
    from rollback_lib.terminal.comparison import lines
    from rollback_lib.terminal.printer import printer

    known = records.of(arguments)
    found = compare(*(records.folder(known, incident) for incident in (arguments.incident, arguments.other)))
    if arguments.json:
        print(json.dumps(found.data(), indent=1, ensure_ascii=False))
    else:
        printer().show(lines(found))
    return 0


def _postmortem(arguments: argparse.Namespace) -> int:
    from rollback_lib.cli import records
    from rollback_lib.record.verdict import Verdict

    known = records.of(arguments)
    folder = records.folder(known, arguments.incident)
    if folder.record().get("verdict") in {verdict for verdict in Verdict if verdict.looked}:
        raise ParameterError(f"{folder.id} only looked, so there is nothing to write a post-mortem of; name the rollback that came of it")
    if arguments.file.suffix == ".svg":
        raise ParameterError(f"{arguments.file} would be overwritten by the picture of the run; give the draft a name that ends in .md")
    made = write_draft(known, folder, arguments.incident, arguments.file)
    pictures = f", its pictures are {' and '.join(map(str, made[1:]))}" if made[1:] else ""
    print(f"The draft is {made[0]}{pictures}. What is marked as an open question is for people to answer.")
    return 0


def write_draft(known: "Here | Archive", folder: "Folder", incident: str, file: Path) -> list[Path]:
    """Write the draft of a post-mortem, and its pictures beside it if there is anything to draw. Returns what was written."""
    from rollback_lib.report import evidence, page, postmortem

    record, events = _record(folder), folder.events()
    here = known.place_of(incident)
    others = _others(known, folder, here)
    outage, own = file.with_name(f"{file.stem}-outage.svg"), file.with_suffix(".svg")
    drawn = {outage: _outage(others, folder), own: page.picture(record, events)}
    pictures = {picture: svg for picture, svg in drawn.items() if svg}
    link = evidence.link(folder.path, file, known.address, known.summary(here))
    around = postmortem.Around(others, link, evidence.seal(folder.path), [picture.name for picture in pictures])
    write(file, postmortem.markdown(record, events, folder.path, around))
    for picture, svg in pictures.items():
        write(picture, svg)
    return [file, *pictures]


def _outage(others: "list[Other]", folder: "Folder") -> str:
    """The picture of all runs at the outage; "" if there are no others."""
    from rollback_lib.report import page

    runs = [*((one.called, one.events) for one in others), (f"this {folder.record().get('procedure', '')}", folder.events())]
    return page.overview(runs) if others else ""


def report(known: "Here | Archive", folder: "Folder", incident: str) -> str:
    """The report of a record, with the picture of all runs at its outage."""
    from rollback_lib.report import page

    record = _record(folder)
    outage = _outage(_others(known, folder, known.place_of(incident)), folder)
    return page.html(record, folder.events(), folder.path, outage)


def _record(folder: "Folder") -> dict[str, Any]:
    """The content of record.json. Raises ParameterError if it cannot be read."""
    record = folder.record()
    if not record:
        raise ParameterError(f"{folder.path.name} has no record.json that can be read; `rollback incidents verify` says what became of it")
    return record


def _others(known: "Here | Archive", folder: "Folder", here: str) -> "list[Other]":
    """The other runs at the same outage, oldest first."""
    from datetime import timedelta

    from rollback_lib.record.episode import episode
    from rollback_lib.record.folder import Folder
    from rollback_lib.record.state import moment
    from rollback_lib.report.postmortem import Other

    events = folder.events()
    since = moment(events[0]).date() - timedelta(days=1) if events else None
    found = episode(list(known.ran(stack=str(folder.record().get("stack", "")), since=since)), here)
    places = [one.place for one in found if one.place != here]
    return [Other(known.summary(place), Folder(known.folder_at(place)).events()) for place in places]


def write(file: Path, text: str) -> None:
    """Write a file that was asked for. Raises ParameterError if it cannot be written."""
    from rollback_lib.record.files import write_private

    try:
        write_private(file, text)
    except OSError as error:
        raise ParameterError(f"{file} cannot be written ({error.strerror}); give another path with -o") from None
