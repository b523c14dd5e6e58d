"""What runs keep on the host, as it is there: files by the folders of our state, images under rollback/ names, stashes."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from rollback_lib.commands.command import Command
from rollback_lib.facts import git
from rollback_lib.facts.docker import NEEDED
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.listed import inspected, objects
from rollback_lib.host.snippets import SEEN

BEFORE, KEPT, JOBS, BUILD = "before", "kept", "jobs", "build"  # folders of our state
_DEPTH = {BEFORE: 1, KEPT: 2, JOBS: 1, BUILD: 1}  # at which the entries are that go as a whole


@dataclass(frozen=True)
class Entry:
    """A file or folder of our state, as a whole: `name` below its `folder`, bytes, when something in it was `written` last, and when it
    came to be there (`arrived`): a copy has the time of what it is a copy of."""

    folder: str
    name: str
    size: int
    written: datetime
    arrived: datetime


@dataclass(frozen=True)
class Image:
    """An image under rollback/ names: `tags` are whole names; `tagged` is when it was given one of its names last, None where Docker does
    not say."""

    id: str
    tags: tuple[str, ...]
    size: int
    tagged: datetime | None


@dataclass(frozen=True)
class Stash:
    """A git stash that a run made, by its place in the list."""

    place: str
    incident: str
    when: datetime


# A line for each entry. A folder that cannot be read ends the script; one that is not there has no entries. The export of a build is
# private to its user: of somebody else's, it is known that it is there, and since when.
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

# Our own names in what the jobs ran; not in the step that remembers, which names what it removes.
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
    """The entries of the folders of our state."""

    def read(out: str) -> list[Entry]:
        rows = sorted(line.split("\t") for line in out.splitlines())  # the same plan has to be the same text
        return [Entry(folder, name, int(size), _time(written), _time(arrived)) for folder, name, size, written, arrived in rows]

    words = (f"{folder}:{depth}" for folder, depth in _DEPTH.items())
    return Fact((Command.of("sh", "-euc", _LIST, "sh", state, *words),), read, missing=f"{state} cannot be read")


def named(state: str, images: str) -> Fact[dict[str, frozenset[str]]]:
    """What the jobs of each incident name of what is kept: paths of our state, images whose names begin with `images`, and databases
    beside a live one by the ends of their names."""

    def read(out: str) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for line in out.splitlines():
            place, word = line.split(":", 1)
            found.setdefault(place.partition("/")[0], set()).add(word)
        return {incident: frozenset(words) for incident, words in found.items()}

    return Fact((Command.of("sh", "-euc", _NAMED, "sh", state, _words(state, images)),), read, missing=f"{state} cannot be read")


def last(state: str) -> Fact[str]:
    """The incident that released the lock last; "" before the first."""
    look = SEEN + 'if seen "$1"; then cat "$1"; fi'
    return Fact((Command.of("sh", "-euc", look, "sh", f"{state}/lock/last"),), str.strip, missing=f"{state} cannot be read")


def words(text: str, state: str, images: str) -> frozenset[str]:
    """The same for a text."""
    return frozenset(re.findall(_words(state, images), text))


def _words(state: str, images: str) -> str:
    """For grep -E and for re."""
    plain, ours = (re.sub(r"[.+]", r"\\\g<0>", one) for one in (state, images))
    return rf"{plain}/[bkj][A-Za-z0-9._=@+/-]+|{ours}[A-Za-z0-9._/-]+:[A-Za-z0-9._-]+|__[a-z]+_[0-9a-f]{{6}}"


def images(beginning: str) -> Fact[list[Image]]:
    """The images whose name begins so and has no slash after that."""

    def read(out: str) -> list[Image]:
        found = {}
        for one in objects(out):
            tags = tuple(sorted(tag for tag in one["RepoTags"] or () if tag.startswith(beginning)))
            tagged = _tagged((one["Metadata"] or {}).get("LastTagTime") or "")
            found[one["Id"]] = Image(one["Id"], tags, one["Size"], tagged)  # listed once for each of its names
        return sorted(found.values(), key=lambda one: one.tags)

    listing = Command.of("docker", "image", "ls", "--quiet", "--no-trunc", f"--filter=reference={beginning}*")
    form = '{"Id":{{json .Id}},"RepoTags":{{json .RepoTags}},"Size":{{json .Size}},"Metadata":{{json .Metadata}}}'
    return Fact((inspected("image", listing, form),), read, missing=NEEDED)


def in_use() -> Fact[frozenset[str]]:
    """The ids of the images that have containers, running or not."""
    listing = Command.of("docker", "ps", "--all", "--quiet", "--no-trunc")
    inspect = inspected("container", listing, '{"Image":{{json .Image}}}')
    return Fact((inspect,), lambda out: frozenset(one["Image"] for one in objects(out)), missing=NEEDED)


def stashes(tree: str) -> Fact[list[Stash]]:
    """The git stashes of the tree that earlier runs made, newest first."""

    def read(out: str) -> list[Stash]:
        rows = (line.split("\t", 2) for line in out.splitlines())
        found = ((place, _time(seconds), re.search(r"\brollback ([0-9a-f]{6})$", said)) for place, seconds, said in rows)
        return [Stash(place, match[1], when) for place, when, match in found if match]

    return Fact((git.command(tree, "stash", "list", "--format=%gd%x09%ct%x09%gs"),), read, missing=f"git has no list of stashes in {tree}")


def _time(seconds: str) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _tagged(text: str) -> datetime | None:
    """RFC 3339 with nanoseconds, as Docker writes it; of the year 1 where it does not know."""
    found = datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC) if text else None
    return found if found and found.year > 1 else None
