"""What is in a data file or in its backup."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from rollback_lib.facts.backups.sources import said
from rollback_lib.text import tables

READING = 1800.0  # seconds for a whole file
# stage COMMAND…: keep the bytes that the command prints, unpacked, in $folder/file, which goes away at the end. Prints the hash and the
# size, or why that did not work.
STAGE = r"""
folder=$(mktemp -d -p "${TMPDIR:-/var/tmp}" rollback.XXXXXXXX)
trap 'rm -rf "$folder"' EXIT; trap 'exit 1' HUP INT TERM
unpacked() {
    case $(head -c 4 "$folder/raw" | od -An -tx1 | tr -d ' \n') in
        1f8b*) gzip -dc "$folder/raw" >"$folder/file" && rm "$folder/raw" ;;
        28b52ffd) zstd -dcq "$folder/raw" >"$folder/file" && rm "$folder/raw" ;;
        *) mv "$folder/raw" "$folder/file" ;;
    esac
}
stage() {
    "$@" >"$folder/raw" 2>"$folder/said" || { printf 'wrong\tit cannot be read: %s\n' "$(tail -n 1 "$folder/said")"; exit 0; }
    unpacked 2>"$folder/said" || { printf 'wrong\tit is cut off: it cannot be unpacked to its end\n'; exit 0; }
    chmod 644 "$folder/file"
    printf 'hash\t%s\nbytes\t%s\n' "$(sha256sum <"$folder/file" | cut -d ' ' -f 1)" "$(stat -c %s "$folder/file")"
}
"""


@dataclass(frozen=True)
class Content:
    """What was found by reading a data file or a backup of one.

    `wrong` says why it cannot be used, "" if nothing speaks against it. `rows` are the rows by table, or the keys of a Redis; None if
    nobody could count them. `proven` says in words what was checked, and by what. `hash` is the SHA-256 of the unpacked file, "" if that
    was not asked; `bytes` is its size.
    """

    wrong: str
    rows: dict[str, int] | None = None
    proven: str = ""
    hash: str = ""
    bytes: int = 0

    @property
    def counted(self) -> str:
        """What is in it, in words."""
        if self.rows is None:
            return "not counted"
        if set(self.rows) == {KEYS}:
            return tables.count(self.rows[KEYS], "key")
        return f"{tables.count(len(self.rows), 'table')}, {tables.count(sum(self.rows.values()), 'row')}"


KEYS = "keys"  # what `rows` has of a Redis


def words(out: str) -> dict[str, str]:
    """The lines of an answer by their first words, without rows."""
    return dict(reversed([(word, rest) for word, _, rest in (line.partition("\t") for line in out.splitlines()) if word != "rows"]))


def spoken(found: Content, hide: Callable[[str], str]) -> Content:
    """The same, with secrets hidden in what programs said."""
    return replace(found, wrong=hide(said(found.wrong)))
