"""`rollback incidents archive` and `fetch`: records to their archive, and back from it."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from rollback_lib.errors import ParameterError


def add(actions: Any) -> None:
    """The parsers of these commands."""
    from rollback_lib.cli import records

    archive = actions.add_parser("archive", help="send all records that wait for their archive or timestamp; or a page of a fleet")
    archive.add_argument("--page", type=Path, metavar="FILE", help="send this page instead, to the archive WHERE, and print its address")
    archive.add_argument("--json", action="store_true")
    archive.set_defaults(command=_archive)
    fetch = actions.add_parser("fetch", help="fetch a record that another machine has archived, to undo or resume its run here")
    fetch.add_argument("incident", metavar="INCIDENT", help="its id, as `rollback incidents list --archive` shows it")
    fetch.add_argument(
        "--since", type=records.day, metavar="YYYY-MM-DD", help="it was opened on that day or later, so less of the archive is read"
    )
    fetch.set_defaults(command=_fetch)
    for one in (archive, fetch):
        records.add(one)


def _archive(arguments: argparse.Namespace) -> int:
    from rollback_lib.archive import background
    from rollback_lib.archive.errors import NotArchived
    from rollback_lib.record.folder import incidents_root
    from rollback_lib.text import tables

    if arguments.page:
        return _page(arguments)
    done = background.send(incidents_root(), lambda folder: None if arguments.json else print(f"archived {folder}", flush=True))
    if arguments.json:
        print(json.dumps(done.__dict__, indent=1))
    else:
        stamped = f"; {tables.count(len(done.stamped), 'timestamp')}" if done.stamped else ""
        followed = f"; {tables.count(len(done.followed), 'timestamp')} sent after the record" if done.followed else ""
        many = tables.count(len(done.sent), "record")
        print(f"{many} archived, {done.locked} of them locked; {done.left} waiting{stamped}{followed}.")
    for sentence in done.failed[:-1]:
        print(f"rollback: {sentence}", file=sys.stderr)
    if done.failed:
        raise NotArchived(done.failed[-1])
    return 0


def _page(arguments: argparse.Namespace) -> int:
    from rollback_lib.archive import address, pages, store

    if not arguments.archive:
        raise ParameterError("--page FILE is sent to an archive; name it with --archive, or name a stack that has one")
    where = address.named(arguments.archive)
    sent = pages.send(store.opened(where), arguments.page, address.days(arguments.archive))
    print(json.dumps({"address": sent}) if arguments.json else sent)
    return 0


def _fetch(arguments: argparse.Namespace) -> int:
    from rollback_lib.archive.fetching import fetch
    from rollback_lib.archive.reading import Archive
    from rollback_lib.cli import records
    from rollback_lib.record.folder import incidents_root

    root = incidents_root()
    folder = _here(root, arguments.incident)
    if folder is None:
        known = records.of(arguments)
        if not isinstance(known, Archive):
            raise ParameterError(f"there is no record {arguments.incident!r} here; name the archive that has it with --archive")
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = fetch(known, arguments.incident, root)
    print(f"{folder.name} is in {folder}")
    return 0


def _here(root: Path, incident: str) -> Path | None:
    """The folder of a record that is in the chain of this machine; None if there is none."""
    from rollback_lib.record.chain import Chain
    from rollback_lib.record.history import folder_of

    try:
        folder = folder_of(root, incident)
    except ParameterError:
        return None
    return folder if folder.is_relative_to(root) and Chain(root).of(folder) else None
