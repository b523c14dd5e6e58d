"""What the host does at set times that makes dumps of databases: crontabs and systemd timers that name pg_dump or pg_dumpall, in their
own lines or in the scripts that these run."""

import re
from dataclasses import dataclass

from rollback_lib.commands.command import Command
from rollback_lib.facts.fact import Fact


@dataclass(frozen=True)
class Dump:
    """A line that calls pg_dump: `by` is the crontab or the timer, `file` the file in which the line stands, `paths` the variables there
    that hold paths, with these. The line may hold a password: it is read, and never shown."""

    by: str
    file: str
    line: str
    paths: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Schedules:
    """The dumps that are made, and the crontabs that we may not read."""

    dumps: tuple[Dump, ...]
    closed: tuple[str, ...]


# Prints, each ended by a NUL: "dump", who, file, line, the lines of that file that assign a path; or "closed" and a path.
_LOOK = r"""
dumps() { # dumps BY FILE TEXT: the lines of the text that call pg_dump
    paths=$(printf '%s\n' "$3" | grep -E '^[[:space:]]*(export[[:space:]]+)?[A-Za-z_][A-Za-z0-9_]*=.?/[A-Za-z0-9._/-]+.?[[:space:]]*$')
    printf '%s\n' "$3" | grep -E '^[^#]*pg_dump(all)?([^A-Za-z0-9_]|$)' | while IFS= read -r line; do
        printf 'dump\0%s\0%s\0%s\0%s\0' "$1" "$2" "$line" "$paths"
    done
}
scripts() { # scripts BY FILE TEXT: the same, and those of the scripts that it runs
    dumps "$@"
    printf '%s\n' "$3" | grep -v '^[[:space:]]*#' | tr -s '[:space:]"'"'"';&|()=' '\n' | grep -E '^/[A-Za-z0-9._/@+-]+$' | sort -u |
        while IFS= read -r path; do
            [ "$path" = "$2" ] || [ ! -f "$path" ] || [ ! -r "$path" ] || [ "$(stat -Lc %s "$path")" -gt 65536 ] ||
                dumps "$1" "$path" "$(tr -d '\000' <"$path")"
        done
}
for file in /etc/crontab /etc/cron.*/* /var/spool/cron/* /var/spool/cron/crontabs/*; do
    [ -f "$file" ] || continue
    if [ -r "$file" ]; then scripts "$file" "$file" "$(tr -d '\000' <"$file")"; else printf 'closed\0%s\0' "$file"; fi
done
folder=/var/spool/cron/crontabs
[ ! -d "$folder" ] || [ -r "$folder" ] || printf 'closed\0%s\0' "$folder"
[ "$(id -u)" -eq 0 ] || ! own=$(crontab -l 2>/dev/null) || scripts "the crontab of $(id -un)" "the crontab of $(id -un)" "$own"
for timer in /etc/systemd/system/*.timer /usr/local/lib/systemd/system/*.timer "$HOME"/.config/systemd/user/*.timer; do
    [ -r "$timer" ] || continue
    unit=$(sed -n 's/^Unit=//p' "$timer"); unit=${timer%/*}/${unit:-$(basename "$timer" .timer).service}
    [ ! -r "$unit" ] || scripts "$timer" "$unit" "$(cat "$unit")"
done
"""
_PATH = re.compile(r"""^\s*(?:export\s+)?(\w+)=["']?(/[^"'\s]+)""", re.MULTILINE)


def schedules() -> Fact[Schedules]:
    """All of them that we may read; none where the host does not answer."""

    def read(out: str) -> Schedules:
        words = out.split("\0")[:-1]
        dumps, closed = [], []
        while words:
            kind, first, *words = words
            if kind == "closed":
                closed.append(first)
            else:
                file, line, paths, *words = words
                dumps.append(Dump(first, file, line, tuple(_PATH.findall(paths))))
        return Schedules(tuple(dict.fromkeys(dumps)), tuple(dict.fromkeys(closed)))

    return Fact((Command.of("sh", "-c", _LOOK),), read, otherwise=lambda _: Schedules((), ()))
