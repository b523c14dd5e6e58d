"""MariaDB and MySQL as a kind of database server."""

from typing import ClassVar, cast

from rollback_lib.commands.command import Command
from rollback_lib.commands.mariadb import MariaDB, literal
from rollback_lib.facts import backups, mariadb, schema
from rollback_lib.facts.backups import Backup, Contents
from rollback_lib.facts.engines.engine import Engine, Server
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.schema import Schema
from rollback_lib.facts.tables import COUNTING, Content

_COLUMNS = "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s ORDER BY 1, 2"


class MariaDBEngine(Engine):
    """A MariaDB or MySQL server, asked by the container's own client."""

    name: ClassVar[str] = "MariaDB"

    @property
    def access(self) -> MariaDB:
        return MariaDB(self.container, self.user)

    def server(self) -> Fact[Server | None]:
        return cast(Fact[Server | None], mariadb.server(self.access, self.database))

    def outline(self, database: str) -> Fact[Content | None]:
        return mariadb.outline(self.access, database)

    def content(self, database: str, *, within: float = COUNTING) -> Fact[Content | None]:
        return mariadb.content(self.access, database, within=within)

    def empty(self, database: str) -> Fact[frozenset[str]]:
        return mariadb.empty(self.access, database)

    def columns(self, database: str) -> Command:
        return self.access.sql(_COLUMNS % literal(database))

    def free_space(self) -> Fact[int | None]:
        return mariadb.free_space(self.access)

    def client_version(self) -> Fact[str]:
        return mariadb.client_version(self.access)

    def contents(self, backup: Backup) -> Fact[Contents]:
        return backups.of_mysqldump(backup)

    def schemas(self, pattern: str) -> Fact[list[Schema]]:
        return schema.of_mysqldumps(pattern)
