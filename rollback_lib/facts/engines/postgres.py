"""Postgres as a kind of database server."""

from typing import ClassVar, cast

from rollback_lib.commands.command import Command
from rollback_lib.commands.psql import Postgres
from rollback_lib.facts import backups, postgres, schema
from rollback_lib.facts.backups import Backup, Contents
from rollback_lib.facts.engines.engine import Engine, Server
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.schema import Schema
from rollback_lib.facts.tables import COUNTING, Content

_COLUMNS = (
    "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns "
    "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2, 3"
)


class PostgresEngine(Engine):
    """A Postgres server, asked by the container's own psql."""

    name: ClassVar[str] = "Postgres"

    @property
    def access(self) -> Postgres:
        return Postgres(self.container, self.user)

    @property
    def maintenance(self) -> str:
        """The name of the database to connect to while another one is renamed. A database cannot be renamed while it has a session."""
        return "postgres" if self.database != "postgres" else "template1"

    def server(self) -> Fact[Server | None]:
        return cast(Fact[Server | None], postgres.server(self.access, self.maintenance))

    def outline(self, database: str) -> Fact[Content | None]:
        return postgres.outline(self.access, database)

    def content(self, database: str, *, within: float = COUNTING) -> Fact[Content | None]:
        return postgres.content(self.access, database, within=within)

    def empty(self, database: str) -> Fact[frozenset[str]]:
        return postgres.empty(self.access, database)

    def columns(self, database: str) -> Command:
        return self.access.psql(database, _COLUMNS, words=("-A", "-t"))

    def free_space(self) -> Fact[int | None]:
        return postgres.free_space(self.access)

    def client_version(self) -> Fact[str]:
        return postgres.client_version(self.access)

    def contents(self, backup: Backup) -> Fact[Contents]:
        return backups.contents(backup, self.access)

    def schemas(self, pattern: str) -> Fact[list[Schema]]:
        return schema.of_backups(pattern, self.access)
