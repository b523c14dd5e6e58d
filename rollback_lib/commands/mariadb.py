"""How MariaDB or MySQL in a container is called: by the client in that container, and never with a password on a command line."""

from dataclasses import dataclass

from rollback_lib.commands.command import Command

# `client USER OPTION…` is the container's client. Root's password is in the container's environment, or in the file that it names; it goes
# to the client by its environment, which no list of processes shows.
CLIENT = r"""
password=${MARIADB_ROOT_PASSWORD-${MYSQL_ROOT_PASSWORD-}} file=${MARIADB_ROOT_PASSWORD_FILE-${MYSQL_ROOT_PASSWORD_FILE-}}
[ -z "$file" ] || password=$(cat "$file")
program=$(command -v mariadb || command -v mysql) limit=
client() {
    whom=$1; shift
    [ "$whom" != root ] || [ -z "$password" ] || export MYSQL_PWD="$password"
    ${limit:+timeout "$limit"} "$program" -u "$whom" --batch --raw --skip-column-names --default-character-set=utf8mb4 "$@"
}
"""


@dataclass(frozen=True)
class MariaDB:
    """A MariaDB or MySQL server in `container`, used as the database user `user`."""

    container: str
    user: str

    def sql(self, *statements: str, reads: bool = False) -> Command:
        """A command that runs the statements in one session, and stops at the first that fails. With `reads` it runs what it reads."""
        words = () if reads else ("-e", "; ".join(statements))
        return self.script('client "$@"', self.user, *words, reads=reads)

    def script(self, text: str, *words: str, reads: bool = False) -> Command:
        """A command that runs a script for `sh` in the container, in which `client` is the client; `words` are its arguments. `reads` is
        whether it reads standard input."""
        into = ("docker", "exec", *(("-i",) if reads else ()), self.container)
        return Command.of(*into, "sh", "-euc", CLIENT + text, "sh", *words)


def identifier(name: str) -> str:
    """A name, quoted as an SQL identifier.

    >>> identifier('my `odd` name')
    '`my ``odd`` name`'
    """
    return "`" + name.replace("`", "``") + "`"


def literal(text: str) -> str:
    r"""A text, quoted as an SQL string, whichever characters escape in those.

    >>> literal("it's")
    "X'69742773'"
    """
    return f"X'{text.encode().hex()}'" if "'" in text or "\\" in text else f"'{text}'"
