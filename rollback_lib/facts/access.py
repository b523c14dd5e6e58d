"""Whether the login user may write the files that a rollback writes, and can keep their owner."""

from collections.abc import Iterable

from rollback_lib.commands.command import Command
from rollback_lib.facts.fact import Fact
from rollback_lib.plan.writes import How, Write
from rollback_lib.secrets.secret import Secret

# Prints a sentence for each path that may not be written. Root may write everywhere but on a disk that is mounted read-only.
_LOOK = r"""
me=$(id -un) root=$(id -u)
for word; do
    how=${word%%:*} path=${word#*:}
    folder=$path
    [ "$how" = folder ] || folder=${path%/*}
    until [ -d "${folder:-/}" ]; do folder=${folder%/*}; done
    if [ "$how" = place ] && [ -e "$path" ]; then
        [ -w "$path" ] || printf '%s may not write to %s\0' "$me" "$path"
        continue
    fi
    if ! { [ -w "${folder:-/}" ] && [ -x "${folder:-/}" ]; }; then printf '%s may not write to %s\0' "$me" "${folder:-/}"; continue; fi
    if [ "$how" = replaced ] && [ "$root" -ne 0 ] && [ -e "$path" ] && [ ! -O "$path" ]; then
        printf '%s belongs to %s, and %s could not leave it so\0' "$path" "$(stat -Lc %U "$path")" "$me"
    fi
done
"""


def blocked(writes: Iterable[Write]) -> Fact[list[str]]:
    """For each path that may not be written as `writes` says, a sentence with the reason."""
    words = b"".join(f"{write.how}:{write.path}\0".encode(errors="surrogateescape") for write in dict.fromkeys(writes))
    look = Command.of("head", "-c", str(len(words))).pipe("xargs", "-0", "-r", "sh", "-euc", _LOOK, "sh")

    def read(out: str) -> list[str]:
        return [sentence for sentence in dict.fromkeys(out.split("\0")) if sentence]

    if not words:
        return Fact((), lambda _: [])
    return Fact((look,), read, missing="whether its files may be written could not be asked", input=Secret(words))


def mounted(writes: Iterable[Write]) -> Fact[list[str]]:
    """The files that would be replaced but are mount points. A file cannot be moved onto a mount point. From /proc/self/mountinfo."""
    paths = [write.path for write in dict.fromkeys(writes) if write.how is How.REPLACED]
    if not paths:
        return Fact((), lambda _: [])
    look = Command.of("awk", "{ print $5 }", "/proc/self/mountinfo")
    return Fact((look,), lambda out: sorted(set(paths) & set(out.splitlines())), otherwise=lambda _: [])
