"""How Postgres in a container is called: by the programs in that container, and never with a password."""

from collections.abc import Mapping
from dataclasses import dataclass

from rollback_lib.commands.command import Command

Settings = Mapping[str, str]  # settings of the server for one session, by name
NONE: Settings = {}


@dataclass(frozen=True)
class Postgres:
    """A Postgres server in `container`, used as the database user `user`.

    The container's own settings must let that user in. With `-w` a program fails rather than ask for a password, so that no password is
    ever on a command line.
    """

    container: str
    user: str

    def psql(self, database: str, *statements: str, words: tuple[str, ...] = (), settings: Settings = NONE) -> Command:
        """A command that runs the statements in one session, and stops at the first that fails. Without `statements` it reads them from
        standard input. `words` are further options of psql, `settings` those of `program`."""
        source = tuple(word for statement in statements for word in ("-c", statement)) or ("-f", "-")
        strict = ("-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse")
        return self.program("psql", *strict, *words, database=database, rest=source, reads=not statements, settings=settings)

    def program(
        self, name: str, *words: str, database: str, rest: tuple[str, ...] = (), reads: bool = False, settings: Settings = NONE
    ) -> Command:  # fmt: skip
        """A command that runs a program of Postgres on a database, with these `settings` of the server in its sessions.

        `reads` is whether it reads standard input. If not, the input is left to the shell, which may be reading its script from it. The
        connection options come after `words` and before `rest`.
        """
        options = " ".join(f"-c {setting}={value}" for setting, value in settings.items())
        given = ("env", f"PGOPTIONS={options}") if options else ()
        into = ("docker", "exec", *(("-i",) if reads else ()), self.container, *given)
        return Command.of(*into, name, *words, "-w", "-U", self.user, "-d", _connection(database), *rest)


def connect(database: str) -> str:
    """The line of psql by which a session continues in another database of the same server.

    >>> print(connect('voice'))
    \\connect -reuse-previous=on "dbname='voice'"
    """
    return '\\connect -reuse-previous=on "' + _string(database).replace('"', '""') + '"'


def _connection(database: str) -> str:
    """The name of a database as an argument of `-d`, which would take a name with an equals sign for a connection string."""
    return database if "=" not in database and "://" not in database else _string(database)


def _string(database: str) -> str:
    """A connection string with the name of a database alone."""
    return "dbname='" + database.replace("\\", "\\\\").replace("'", "\\'") + "'"


def identifier(name: str) -> str:
    """A name, quoted as an SQL identifier.

    >>> identifier('My "odd" name')
    '"My ""odd"" name"'
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    r"""A text, quoted as an SQL string. It is right with either setting of `standard_conforming_strings`.

    >>> literal("it's")
    "'it''s'"
    """
    quoted = "'" + text.replace("'", "''").replace("\\", "\\\\") + "'"
    return f" E{quoted}" if "\\" in text else quoted
