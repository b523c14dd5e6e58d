"""What the host does at set times: crontabs and systemd timers that make dumps of databases or remove what Docker keeps, in their own lines
or in the scripts that these run."""

import re
from dataclasses import dataclass

from rollback_lib.commands.command import Command
from rollback_lib.commands.image import HOLDS
from rollback_lib.facts.fact import Fact


@dataclass(frozen=True)
class Dump:
    """A line that calls pg_dump, mariadb-dump or mysqldump: `by` is the crontab or the timer, `file` the file in which the line stands,
    `paths` the variables there that hold paths, with these. The line may hold a password: it is read, and never shown."""

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
wanted=$1
dumps() { # dumps BY FILE TEXT: the lines of the text that are wanted
    paths=$(printf '%s\n' "$3" | grep -E '^[[:space:]]*(export[[:space:]]+)?[A-Za-z_][A-Za-z0-9_]*=.?/[A-Za-z0-9._/-]+.?[[:space:]]*$')
    printf '%s\n' "$3" | grep -E "$wanted" | while IFS= read -r line; do
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


_DUMPS = r"^[^#]*(pg_dump(all)?|mariadb-dump|mysqldump)([^A-Za-z0-9_]|$)"
_PRUNES = r"^[^#]*docker (system|image|container) prune"
_PRUNE = re.compile(r"docker (?:system|image|container) prune(?: +(?:-[a-z]+|--[a-z]+(?:[= ]\"?[\w.!=:-]+\"?)?))*")


@dataclass(frozen=True)
class Cleanup:
    """A command that removes what no container uses: `by` is the crontab or the timer that runs it, `command` the command itself."""

    by: str
    command: str

    @property
    def containers(self) -> bool:
        """Whether it also removes containers that do not run, those with the label `rollback.holds` too."""
        return ("system" in self.command or "container" in self.command) and HOLDS not in self.command

    @property
    def sparing(self) -> str:
        """The command with what makes it leave the containers that hold images."""
        return f'{self.command} --filter "label!={HOLDS}"'


def cleanups() -> Fact[tuple[Cleanup, ...]]:
    """Those that are run at set times, as far as we may read it."""

    def read(out: str) -> tuple[Cleanup, ...]:
        found = ((dump.by, _PRUNE.search(dump.line)) for dump in _lines(out).dumps)
        return tuple(dict.fromkeys(Cleanup(by, command[0]) for by, command in found if command))

    return Fact((Command.of("sh", "-c", _LOOK, "sh", _PRUNES),), read, otherwise=lambda _: ())


def schedules() -> Fact[Schedules]:
    """All of them that we may read; none where the host does not answer."""

    return Fact((Command.of("sh", "-c", _LOOK, "sh", _DUMPS),), _lines, otherwise=lambda _: Schedules((), ()))


def _lines(out: str) -> Schedules:
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
