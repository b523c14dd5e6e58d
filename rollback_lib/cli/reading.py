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
    made = write_draft(known, folder, arguments.incident, arguments.file)
    print(f"The draft is {' with its picture '.join(map(str, made))}. What is marked as an open question is for people to answer.")
    return 0


def write_draft(known: "Here | Archive", folder: "Folder", incident: str, file: Path) -> list[Path]:
    """Write the draft of a post-mortem, and its picture beside it if there is anything to draw. Returns what was written."""
    from rollback_lib.report import evidence, page, postmortem

    record, events = folder.record(), folder.events()
    if not record:
        raise ParameterError(f"{folder.path.name} has no record.json that can be read: nothing is known of how it ended")
    drawn, picture = page.picture(record, events), file.with_suffix(".svg")
    here = known.place_of(incident)
    link = evidence.link(folder.path, file, known.address, known.summary(here))
    around = postmortem.Around(_others(known, folder, here), link, evidence.seal(folder.path), picture.name if drawn else "")
    write(file, postmortem.markdown(record, events, folder.path, around))
    if drawn:
        write(picture, drawn)
    return [file, picture] if drawn else [file]


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
