"""What earlier runs keep on the host: files in the stack's folder, images with names under rollback/, and git stashes."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from rollback_lib.commands.command import Command
from rollback_lib.commands.image import HOLDS
from rollback_lib.facts import git
from rollback_lib.facts.docker import NEEDED
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.listed import inspected, objects
from rollback_lib.host.snippets import SEEN

BEFORE, KEPT, JOBS, BUILD = "before", "kept", "jobs", "build"  # folders in the stack's folder
_DEPTH = {BEFORE: 1, KEPT: 2, JOBS: 1, BUILD: 1}  # how deep in each the entries are that are removed as a whole


def incident_of(part: str) -> str:
    """The incident of a part of it: a rollback that is made of others names each of these INCIDENT.PART."""
    return part.partition(".")[0]


@dataclass(frozen=True)
class Entry:
    """A file or folder in the stack's folder, removed as a whole.

    `name` is its path below `folder`, `size` its bytes. `written` is when something in it was last written to. `arrived` is when it
    was put there: a copy keeps the time of its original as `written`.
    """

    folder: str
    name: str
    size: int
    written: datetime
    arrived: datetime


@dataclass(frozen=True)
class Image:
    """An image with names under rollback/. `tags` are full names, `size` is in bytes. `tagged` is when it was last given a name; None if
    Docker does not say."""

    id: str
    tags: tuple[str, ...]
    size: int
    tagged: datetime | None


@dataclass(frozen=True)
class Stash:
    """A git stash that the run `incident` made. `place` is git's name for it, such as stash@{0}."""

    place: str
    incident: str
    when: datetime


# Prints a line for each entry. The script fails at a folder that cannot be read; a folder that does not exist has no entries. The export
# of a build can be read by its own user only. Of another user's export only its existence and its time are known.
_LIST = (
    SEEN
    + r"""
state=$1; shift
seen "$state" || exit 0
cd "$state"
for one; do
    folder=${one%:*} depth=${one#*:}
    seen "$state/$folder" || continue
    {
        find "$folder" -ignore_readdir_race -mindepth "$depth" -printf '%P\t%s\t%T@\t%C@\n' || [ "$folder" = build ] && echo .
    } |
        awk -F '\t' -v OFS='\t' -v folder="$folder" -v depth="$depth" '
            $0 == "." { complete = 1; next }
            {
                count = split($1, parts, "/"); name = parts[1]
                for (number = 2; number <= depth; number++) name = name "/" parts[number]
                size[name] += $2
                if ($3 > written[name]) written[name] = $3
                if ($4 > arrived[name]) arrived[name] = $4
            }
            END {
                if (!complete) exit 1
                for (name in size) printf "%s\t%s\t%.0f\t%.0f\t%.0f\n", folder, name, size[name], written[name], arrived[name]
            }'
done
"""
)

# Prints the names of copies that the scripts of the jobs contain. The steps `remember…` are left out: they name what they remove.
_NAMED = (
    SEEN
    + r"""
seen "$1/jobs" || exit 0
cd "$1/jobs"
found=$(grep -roHE --include=script --exclude-dir='remember*' "$2" .) || [ $? -eq 1 ]
printf '%s\n' "$found" | sed -n 's|^\./||p' | sort -u
"""
)


def entries(state: str) -> Fact[list[Entry]]:
    """The entries in the stack's folder, sorted."""

    def read(out: str) -> list[Entry]:
        rows = sorted(line.split("\t") for line in out.splitlines())  # sorted, so that the same plan is always the same text
        return [Entry(folder, name, int(size), _time(written), _time(arrived)) for folder, name, size, written, arrived in rows]

    words = (f"{folder}:{depth}" for folder, depth in _DEPTH.items())
    return Fact((Command.of("sh", "-euc", _LIST, "sh", state, *words),), read, missing=f"{state} cannot be read")


def named(state: str, images: str) -> Fact[dict[str, frozenset[str]]]:
    """The copies that the jobs of each incident name in their scripts, by incident.

    These are paths in the stack's folder `state`, images whose names begin with `images`, and the suffixes of databases that were
    made beside a live one.
    """

    def read(out: str) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for line in out.splitlines():
            place, word = line.split(":", 1)
            found.setdefault(place.partition("/")[0], set()).add(word)
        return {incident: frozenset(words) for incident, words in found.items()}

    return Fact((Command.of("sh", "-euc", _NAMED, "sh", state, _words(state, images)),), read, missing=f"{state} cannot be read")


def last(state: str) -> Fact[str]:
    """The incident that released the lock last; "" if none did yet."""
    look = SEEN + 'if seen "$1"; then cat "$1"; fi'
    return Fact((Command.of("sh", "-euc", look, "sh", f"{state}/lock/last"),), str.strip, missing=f"{state} cannot be read")


def words(text: str, state: str, images: str) -> frozenset[str]:
    """The copies that a text names. See `named`."""
    return frozenset(re.findall(_words(state, images), text))


def _words(state: str, images: str) -> str:
    """For grep -E and for re."""
    plain, ours = (re.sub(r"[.+]", r"\\\g<0>", one) for one in (state, images))
    return rf"{plain}/[bkj][A-Za-z0-9._=@+/-]+|{ours}[A-Za-z0-9._/-]+:[A-Za-z0-9._-]+|__[a-z]+_[0-9a-f]{{6}}"


def images(beginning: str) -> Fact[list[Image]]:
    """The images with a name that begins with `beginning` and has no slash after that, sorted by name."""

    def read(out: str) -> list[Image]:
        found = {}
        for raw in objects(out):
            tags = tuple(sorted(tag for tag in raw["RepoTags"] or () if tag.startswith(beginning)))
            tagged = _tagged((raw["Metadata"] or {}).get("LastTagTime") or "")
            found[raw["Id"]] = Image(raw["Id"], tags, raw["Size"], tagged)  # Docker lists an image once for each of its names
        return sorted(found.values(), key=lambda image: image.tags)

    listing = Command.of("docker", "image", "ls", "--quiet", "--no-trunc", f"--filter=reference={beginning}*")
    form = '{"Id":{{json .Id}},"RepoTags":{{json .RepoTags}},"Size":{{json .Size}},"Metadata":{{json .Metadata}}}'
    return Fact((inspected("image", listing, form),), read, missing=NEEDED)


def in_use() -> Fact[frozenset[str]]:
    """The ids of the images that have containers, running or not. Those that only hold an image do not count."""
    return _used(lambda label: not label)


def held(stack: str) -> Fact[frozenset[str]]:
    """The ids of the images that containers hold for the stack of that name. It asks the same as `in_use`."""
    return _used(lambda label: label == stack)


def _used(counts: Callable[[str | None], bool]) -> Fact[frozenset[str]]:
    listing = Command.of("docker", "ps", "--all", "--quiet", "--no-trunc")
    form = f'{{"Image":{{{{json .Image}}}},"Holds":{{{{json (index .Config.Labels "{HOLDS}")}}}}}}'
    inspect = inspected("container", listing, form)
    return Fact((inspect,), lambda out: frozenset(raw["Image"] for raw in objects(out) if counts(raw["Holds"])), missing=NEEDED)


def stashes(tree: str) -> Fact[list[Stash]]:
    """The git stashes of the tree that earlier runs made, newest first."""

    def read(out: str) -> list[Stash]:
        rows = (line.split("\t", 2) for line in out.splitlines())
        found = ((place, _time(seconds), re.search(r"\brollback ([0-9a-f]{6})(?:\.\w+)?$", said)) for place, seconds, said in rows)
        return [Stash(place, match[1], when) for place, when, match in found if match]

    return Fact((git.command(tree, "stash", "list", "--format=%gd%x09%ct%x09%gs"),), read, missing=f"git has no list of stashes in {tree}")


def _time(seconds: str) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _tagged(text: str) -> datetime | None:
    """Read a time in RFC 3339 with nanoseconds, as Docker writes it. Docker writes the year 1 for an unknown time; None then."""
    found = datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC) if text else None
    return found if found and found.year > 1 else None
