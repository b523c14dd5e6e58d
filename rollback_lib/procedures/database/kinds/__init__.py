"""The kinds of databases that can be rolled back: what is run for each."""

from rollback_lib.procedures.database.kinds.kind import Kind, Names
from rollback_lib.procedures.database.kinds.mariadb import MariaDBKind
from rollback_lib.procedures.database.kinds.postgres import PostgresKind
from rollback_lib.stack.model import Database

__all__ = ["Kind", "Names", "of"]

_KINDS: dict[str, type[Kind]] = {"postgres": PostgresKind, "mariadb": MariaDBKind}


def of(section: Database) -> Kind:
    """The kind of a database of the stack, at that database."""
    return _KINDS[section.kind](section)
