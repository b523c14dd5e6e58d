"""Whether paths exist on the host."""

from collections.abc import Sequence

from rollback_lib.commands.command import Command
from rollback_lib.facts.fact import Fact
from rollback_lib.host.snippets import SEEN


def existing(paths: Sequence[str]) -> Fact[list[str]]:
    """The paths at which there is a file."""
    return _those(paths, 'seen "$path" && [ -f "$path" ]')


def missing(paths: Sequence[str]) -> Fact[list[str]]:
    """The paths at which there is nothing. A path that the login user may not look at is not among them."""
    return _those(paths, '[ ! -e "$path" ] && known "$path"')


def closed(paths: Sequence[str]) -> Fact[list[str]]:
    """Those of the paths that the user we are logged in as may not read, or may not even see."""
    return _those(paths, '[ -e "$path" ] && [ ! -r "$path" ] || ! known "$path"')


def compose_files(folder: str) -> Fact[list[str]]:
    """What looks like a compose file in a folder; none where the folder cannot be read."""
    look = 'cd "$1" && for file in *compose*.y*ml; do [ ! -f "$file" ] || printf "%s\\0" "$1/$file"; done'
    command = Command.of("sh", "-c", look, "sh", folder)
    return Fact((command,), lambda out: [path for path in out.split("\0") if path], otherwise=lambda _: [])


def _those(paths: Sequence[str], condition: str) -> Fact[list[str]]:
    script = SEEN + f'for path in "$@"; do if {condition}; then printf "%s\\0" "$path"; fi; done'
    return Fact((Command.of("sh", "-c", script, "sh", *paths),), lambda out: [path for path in out.split("\0") if path])
