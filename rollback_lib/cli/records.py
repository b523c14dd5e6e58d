"""Which records a command of `rollback incidents` reads: those of the folder, or those of the archive that was named."""

import argparse
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from rollback_lib.archive.reading import Archive
    from rollback_lib.record.folder import Folder
    from rollback_lib.record.index import Index, Ran


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


class Here:
    """The folder of records, with what `Archive` has."""

    address = ""

    def __init__(self) -> None:
        from rollback_lib.record.folder import incidents_root

        self.root = incidents_root()

    @cached_property
    def _index(self) -> "Index":
        from rollback_lib.record.history import indexed

        return indexed(self.root)

    def incidents(self, **asked: Any) -> list[dict[str, Any]]:
        """Summaries of the records that match; see `Index.find`."""
        return self._index.find(**asked)

    def ran(self, **asked: Any) -> "Iterator[Ran]":
        """The records for statistics; see `Index.ran`."""
        return self._index.ran(**asked)

    def summary(self, place: str) -> "Mapping[str, Any]":
        """All that is known of the record at a place; nothing of one that is elsewhere."""
        return self._index.summary(place) or {}

    def place_of(self, incident: str) -> str:
        """The place of a record: its folder, from the folder of all records if it is there. Raises ParameterError if there is none."""
        from rollback_lib.record.history import folder_of

        found, root = folder_of(self.root, incident).resolve(), self.root.resolve()
        return str(found.relative_to(root) if found.is_relative_to(root) else found)

    def folder_at(self, place: str) -> Path:
        """The folder of the record at a place."""
        return self.root / place


def of(arguments: argparse.Namespace) -> "Here | Archive":
    """The records that a command is about. It says so if an archive could not be read up to now."""
    if not arguments.archive:
        return Here()
    import sys

    from rollback_lib.archive import address
    from rollback_lib.archive.reading import Archive

    opened = Archive(address.named(arguments.archive), getattr(arguments, "since", None))
    if opened.behind:
        print(f"rollback: {opened.behind}; this is what was read of it earlier", file=sys.stderr)
    return opened


def folder(known: "Here | Archive", incident: str) -> "Folder":
    """A record. Raises ParameterError if there is none, or several."""
    from rollback_lib.record.folder import Folder

    return Folder(known.folder_at(known.place_of(incident)))
