"""Which folders of the host are in a git work tree, and which files there git does not know."""

from collections.abc import Sequence

from rollback_lib.commands.command import Command
from rollback_lib.facts.fact import Fact

# As the folder is called here, whatever links lead to it: `--show-toplevel` would resolve them.
_TOP = r"""
for folder; do
    up=$(cd "$folder" 2>/dev/null && git rev-parse --show-cdup 2>/dev/null) && printf '%s\0%s\0' "$folder" "$up"
done
:
"""
_UNKNOWN = r"""
cd "$1"; shift
for file; do [ ! -f "$file" ] || git --no-optional-locks ls-files --error-unmatch -- "$file" >/dev/null 2>&1 || printf '%s\0' "$file"; done
"""


def tops(folders: Sequence[str]) -> Fact[dict[str, str]]:
    """The top of the work tree that each folder is in; a folder that is in none is left out."""

    def read(out: str) -> dict[str, str]:
        words = out.split("\0")[:-1]
        return {folder: _above(folder, up) for folder, up in zip(words[::2], words[1::2], strict=True)}

    return Fact((Command.of("sh", "-c", _TOP, "sh", *folders),), read)


def unknown(tree: str, files: Sequence[str]) -> Fact[list[str]]:
    """Those of the files that are there and are not in git."""
    look = Command.of("sh", "-euc", _UNKNOWN, "sh", tree, *files)
    return Fact((look,), lambda out: [path for path in out.split("\0") if path], missing=f"git cannot be asked in {tree}")


def _above(folder: str, up: str) -> str:
    """The folder so many levels up as git says: `../../`."""
    levels = up.count("..")
    return folder.rstrip("/").rsplit("/", levels)[0] if levels else folder.rstrip("/")
