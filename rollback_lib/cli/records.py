"""Which records a command of `rollback incidents` reads: those of the folder, or those of the archive that was named."""

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from rollback_lib.archive.reading import Archive
    from rollback_lib.record.folder import Folder
    from rollback_lib.record.index import Ran


def add(parser: argparse.ArgumentParser) -> None:
    """The option that names an archive."""
    parser.add_argument("--archive", default="", metavar="WHERE", help="of an archive: its address, or the name of a stack that has one")


def day(text: str) -> "date":
    """A day on the command line."""
    from datetime import date

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a day such as 2026-11-23 is expected, not {text!r}") from None


def incidents(arguments: argparse.Namespace, **asked: Any) -> list[dict[str, Any]]:
    """Summaries of records; see `Index.find`."""
    if arguments.archive:
        return archive(arguments.archive).incidents(**asked)
    from rollback_lib.record.folder import incidents_root
    from rollback_lib.record.history import incidents

    return incidents(incidents_root(), **asked)


def ran(arguments: argparse.Namespace) -> "Iterator[Ran]":
    """The records of the stack and since the day that were given, oldest first."""
    asked: Any = {"stack": arguments.stack, "since": arguments.since}
    if arguments.archive:
        return archive(arguments.archive).ran(**asked)
    from rollback_lib.record.folder import incidents_root
    from rollback_lib.record.history import indexed

    return indexed(incidents_root()).ran(**asked)


def folder(arguments: argparse.Namespace, incident: str) -> "Folder":
    """A record. Raises ParameterError if there is none, or several."""
    from rollback_lib.record.folder import Folder, incidents_root
    from rollback_lib.record.history import folder_of

    if arguments.archive:
        return Folder(archive(arguments.archive).folder_of(incident))
    return Folder(folder_of(incidents_root(), incident))


def archive(where: str) -> "Archive":
    """The archive at an address, or of a stack. It says so if it could not be read up to now."""
    import sys

    from rollback_lib.archive import address
    from rollback_lib.archive.reading import Archive

    opened = Archive(address.named(where))
    if opened.behind:
        print(f"rollback: {opened.behind}; this is what was read of it earlier", file=sys.stderr)
    return opened
