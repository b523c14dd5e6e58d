"""The kinds of database servers: what is asked of each, and how its backups are read."""

from rollback_lib.facts.engines.engine import Database, Engine, Server
from rollback_lib.facts.engines.mariadb import MariaDBEngine
from rollback_lib.facts.engines.postgres import PostgresEngine
from rollback_lib.stack import model

__all__ = ["Database", "Engine", "Server", "of"]

_ENGINES: dict[str, type[Engine]] = {"postgres": PostgresEngine, "mariadb": MariaDBEngine}


def of(section: model.Database) -> Engine:
    """The server of a database of the stack."""
    return _ENGINES[section.kind](section.container, section.user, section.database)
