"""Overwriting a file on the host in place, as is needed for a file that is mounted into a container. The file is never empty or cut off,
even if the disk is full."""

from itertools import zip_longest

from rollback_lib.commands.command import Command

# If the file grows, the additional bytes are written behind its end first. Only they need free space: all other bytes go where the file
# already has its blocks. If that fails, the old content is written back.
_WRITE = """
file=$1 new=$2 old=$3
[ -e "$file" ] || : >"$file"
cmp -s "$new" "$file" && exit 0
into() { dd if="$1" of="$file" bs=64k skip="$2" seek="$2" iflag=skip_bytes oflag=seek_bytes conv=notrunc,nocreat,fsync status=none; }
is=$(wc -c <"$new") was=$(wc -c <"$old")
if { [ "$is" -le "$was" ] || into "$new" "$was"; } && into "$new" 0 && truncate -s "$is" "$file"; then exit 0; fi
into "$old" 0 || :
truncate -s "$was" "$file"
exit 1
"""
# A byte that is neither that of the old content nor that of the new content was written by somebody else.
_BETWEEN = """
{ cmp -l "$1" "$2" 2>/dev/null | sed 's/^/old /'; cmp -l "$1" "$3" 2>/dev/null | sed 's/^/new /'; } |
awk -v long="$(wc -c <"$1")" -v old="$(wc -c <"$2")" -v new="$(wc -c <"$3")" '
    $1 == "old" && ($2 > new || $2 in other) || $1 == "new" && ($2 > old || $2 in other) { strange = 1 }
    { other[$2] }
    END { exit strange || (long > old && long > new) || (long < old && long < new) }' ||
{ echo "$1 has changed since it was read; make a new plan" >&2; exit 1; }
"""


def write(path: str, new: str, old: str) -> Command:
    """The command that writes the content of the file `new` into the file at `path`. If that fails, it writes back that of `old`."""
    return Command.script(_WRITE, path, new, old)


def write_inside(container: str, path: str, new: str, old: str) -> Command:
    """The same for the file that a container sees at `path`. That file may no longer have a name on the host."""
    script = f'pid=$(docker inspect --format "{{{{.State.Pid}}}}" "$1"); set -- "/proc/$pid/root$2" "$3" "$4"\n{_WRITE}'
    return Command.script(script, container, path, new, old)


def guard(path: str, old: str, new: str) -> Command:
    """The check just before a write. It fails unless the file has the old content, the new content, or what an interrupted write
    leaves between the two."""
    return Command.script(_BETWEEN, path, old, new)


def between(content: bytes, old: bytes, new: bytes) -> bool:
    """Whether an interrupted write of `new` over `old` may leave `content`."""
    long = min(len(old), len(new)) <= len(content) <= max(len(old), len(new))
    return long and all(byte is None or byte in (was, to) for byte, was, to in zip_longest(content, old, new))
