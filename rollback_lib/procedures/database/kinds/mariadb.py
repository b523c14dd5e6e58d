"""MariaDB and MySQL: a database restored beside the live one, and a swap of the tables of the two in one statement."""

from collections.abc import Iterator

from rollback_lib.commands import stores
from rollback_lib.commands.command import Command
from rollback_lib.commands.mariadb import MariaDB, identifier, literal
from rollback_lib.errors import Refused
from rollback_lib.facts import backups, copies, mariadb
from rollback_lib.facts.backups import Backup, Contents
from rollback_lib.facts.engines.mariadb import MariaDBEngine
from rollback_lib.plan.plan import some
from rollback_lib.procedures.database.kinds import mariadb_scripts as scripts
from rollback_lib.procedures.database.kinds.kind import Kind, Names
from rollback_lib.procedures.database.state import State

OLDEST = {mariadb.MARIADB: (10, 6), mariadb.MYSQL: (8, 0)}  # since then RENAME TABLE is done completely or not at all, even in a crash
# The storage engines of which that holds.
WHOLE = {mariadb.MARIADB: {"InnoDB", "Aria", "MyISAM", "ROCKSDB"}, mariadb.MYSQL: {"InnoDB"}}
# A dump made with --databases leads into the database that was dumped.
_LED = f"1,{backups.LED_INTO}{{/^USE `.*`;$/d;/^CREATE DATABASE .*;$/d;/^\\/\\*![0-9]* DROP DATABASE .*;$/d}}"


class MariaDBKind(Kind):
    """MariaDB or MySQL, by the client of its container."""

    @property
    def engine(self) -> MariaDBEngine:
        return MariaDBEngine(self.section.container, self.section.user, self.section.database)

    @property
    def access(self) -> MariaDB:
        return self.engine.access

    def usable(self, now: State) -> mariadb.Database:
        entry, where, server = now.section, now.section.container, now.server
        if now.container is None:
            raise Refused(f"there is no container {where} on the host; fix `container` in the stack, or start it")
        if server is None:
            raise Refused(
                f"MariaDB in {where} does not let {entry.user} in, or does not run. Root's password is taken from MARIADB_ROOT_PASSWORD or "
                "MYSQL_ROOT_PASSWORD of the container, or from the file that these name with _FILE; if it was changed since, correct it "
                "there"
            )
        assert isinstance(server, mariadb.Server)
        if server.numbers < OLDEST[server.flavour]:
            oldest = stores.words(OLDEST[server.flavour])
            raise Refused(
                f"{server.flavour} {server.version} in {where} may move only some of the tables if it dies meanwhile; {server.flavour} "
                f"{oldest} or later is needed"
            )
        if not server.superuser:
            raise Refused(f"the user {entry.user} of {where} may not do what is needed (SUPER, PROCESS, CREATE USER); name root")
        live = server.databases.get(entry.database)
        if live is None:
            raise Refused(
                f"there is no database {entry.database} in {where}; if it was dropped, make an empty one there with "
                f"`CREATE DATABASE {identifier(entry.database)}`, and run this again"
            )
        self._check_movable(live, server)
        return live

    @staticmethod
    def _check_movable(live: mariadb.Database, server: mariadb.Server) -> None:
        """Raises Refused if not everything in the live database would move."""
        if live.fixed:
            there = " and ".join(f"{number} {what}" for what, number in live.fixed)
            raise Refused(
                f"{live.name} has {there}, which do not move with the tables when the two are swapped; restore by hand, or take "
                "them out, and make them again afterwards"
            )
        if live.across:
            raise Refused(
                f"foreign keys lead from {live.name} to another database or back ({some(live.across)}), and would follow the old tables; "
                "drop them first, and make them again afterwards"
            )
        if others := sorted(set(live.engines) - WHOLE[server.flavour]):
            raise Refused(f"{live.name} has tables of the storage engine {some(others)}, which cannot be swapped at once with the others")
        if live.engines and not live.oid:
            raise Refused(f"{live.name} has no table of InnoDB, by which it would be known again after the swap; restore it by hand")

    def unfit(self, now: State, backup: Backup) -> str:
        server = now.server
        if not isinstance(server, mariadb.Server):
            return ""
        if backup.of != server.flavour and backup.version:
            return f"it is a dump of {backup.of}, and the server here is {server.flavour}"
        if stores.version(backup.version)[:2] > server.numbers[:2]:
            return f"it was made of a newer server, {backup.version}, than the one here, {server.version}"
        return ""

    def create(self, now: State, backup: Backup, names: Names, incident: str) -> tuple[Command, ...]:
        live, new = self.usable(now), identifier(names.restored)
        made = f"CREATE DATABASE {new} CHARACTER SET {live.charset} COLLATE {live.collation}"
        return self.drop(names.restored), self.access.sql(made)

    def restore(self, now: State, backup: Backup, names: Names, incident: str) -> Command:
        run = self.access.script(scripts.RESTORE, self.section.user, names.restored, _limited(incident), names.live, reads=True)
        return backups.unpacked(backup).pipe("sed", "-e", _LED).pipe(*run.argv)

    def prepare(self, now: State, backup: Backup, names: Names, incident: str) -> tuple[Command, ...]:
        return (self.access.script(scripts.NUMBER, self.section.user, _in_files(names.restored)).to(names.oid),)

    @property
    def preparing(self) -> str:
        return "Settings and grants belong to the live one's name, and stay. Its tables get to be known by a number of InnoDB's."

    def swap(self, *, live: str, aside: str, incoming: str, needed: bool = True) -> Command:
        return self.access.script(scripts.SWAP, self.section.user, live, aside, incoming, "yes" if needed else "no")

    def numbers(self, there: str, here: str) -> Command:
        return self.access.script(scripts.NUMBERS, self.section.user, there, here)

    def drop(self, name: str) -> Command:
        return self.access.sql(f"DROP DATABASE IF EXISTS {identifier(name)}")

    def clear(self, incident: str) -> tuple[Command, ...]:
        return (self.access.sql(f"DROP USER IF EXISTS {literal(_limited(incident))}@'localhost'"),)

    @property
    def swapping(self) -> tuple[str, str]:
        return (
            "Swap the tables",
            "One RENAME TABLE moves all tables of the live one aside and the restored ones in. New statements wait meanwhile; sessions "
            "that hold it up are ended.",
        )

    def dropping(self, name: str) -> str:
        return f"docker exec -it {self.section.container} mariadb -u {self.section.user} -p -e 'DROP DATABASE `{name}`'"

    def notes(self, now: State, backup: Backup, contents: Contents) -> Iterator[str]:
        yield (
            "A database cannot be renamed here: its tables move by one statement, completely or not at all. What does not move with tables "
            "(views, triggers, procedures, events) is in neither of the two."
        )
        yield "AUTO_INCREMENT continues where that of the old tables was, so rows can be copied back from them."


def _limited(incident: str) -> str:
    """The database user who may write to the restored database alone, for as long as a restore takes."""
    return f"rollback_{copies.incident_of(incident)}"


def _in_files(name: str) -> str:
    """How InnoDB writes a name of a database before those of its tables."""
    return "".join(char if char.isascii() and (char.isalnum() or char == "_") else f"@{ord(char):04x}" for char in name)
