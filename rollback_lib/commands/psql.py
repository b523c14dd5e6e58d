"""How a Postgres server in a container is spoken to: by the container's own programs, never with a password."""

from dataclasses import dataclass

from rollback_lib.commands.command import Command


@dataclass(frozen=True)
class Postgres:
    """A server in `container`, asked as `user`. Only what the container itself is set up with lets us in (`-w`: a question
    for a password is a failure), so that none is ever on a command line."""

    container: str
    user: str

    def psql(self, database: str, *statements: str, words: tuple[str, ...] = ()) -> Command:
        """The statements, one after the other in one session, up to the first that fails; without any, those on its input."""
        said = tuple(word for one in statements for word in ("-c", one)) or ("-f", "-")
        strict = ("-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse")
        return self.program("psql", *strict, *words, database=database, rest=said, reads=not statements)

    def program(self, name: str, *words: str, database: str, rest: tuple[str, ...] = (), reads: bool = False) -> Command:
        """One of Postgres's programs on a database; one that does not read leaves the input to whoever else reads it, such as
        a shell its script."""
        into = ("docker", "exec", *(("-i",) if reads else ()), self.container)
        return Command.of(*into, name, *words, "-w", "-U", self.user, "-d", _connection(database), *rest)


def _connection(database: str) -> str:
    """A database's name where a program would also take a connection string, and takes one with an equals sign for it."""
    if "=" not in database and "://" not in database:
        return database
    return "dbname='" + database.replace("\\", "\\\\").replace("'", "\\'") + "'"


def identifier(name: str) -> str:
    """A name as SQL has it.

    >>> identifier('My "odd" name')
    '"My ""odd"" name"'
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    r"""A text as SQL has it, whatever `standard_conforming_strings` says.

    >>> literal("it's")
    "'it''s'"
    """
    quoted = "'" + text.replace("'", "''").replace("\\", "\\\\") + "'"
    return f" E{quoted}" if "\\" in text else quoted
