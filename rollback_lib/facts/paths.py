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


def _those(paths: Sequence[str], condition: str) -> Fact[list[str]]:
    script = SEEN + f'for path in "$@"; do if {condition}; then printf "%s\\0" "$path"; fi; done'
    return Fact((Command.of("sh", "-c", script, "sh", *paths),), lambda out: [path for path in out.split("\0") if path])
