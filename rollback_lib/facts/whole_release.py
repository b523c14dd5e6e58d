"""Whole releases: everything that ran at a moment that was proven healthy. They stand in the ledger of releases, beside its lines for
single services, and the host itself writes them, from what is there at that moment."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from rollback_lib.commands.command import Command
from rollback_lib.commands.compose import Compose
from rollback_lib.facts import docker, engines, git, ledger
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.releases import FILE
from rollback_lib.stack.model import Database, Stack

NEWEST = 200  # how many of them are read
_LABEL = '{{json (index .Config.Labels "com.docker.compose.%s")}}'
_CONTAINER = (
    f'{{"service":{_LABEL % "service"},"image":{{{{json .Image}}}},"name":{{{{json .Config.Image}}}},"project":{_LABEL % "project"},'
    f'"directory":{_LABEL % "project.working_dir"},"files":{_LABEL % "project.config_files"},'
    f'"env_files":{_LABEL % "project.environment_file"},'
    '"networks":[{{range $name, $_ := .NetworkSettings.Networks}}{{json $name}},{{end}}null]}'
)
# What cannot be found out is left out of the line.
_ENTER = r"""
state=$1 images=$2 incident=$3 tree=$4 of_container=$5; shift 5
joined() { paste -sd , -; }
mkdir -p -m 2770 "$state/kept"
answers=$(mktemp); trap 'rm -f "$answers"' EXIT
databases >"$answers" & # meanwhile
commit=$([ -z "$tree" ] || git -C "$tree" rev-parse HEAD 2>/dev/null) || commit=
changed=$([ -z "$tree" ] || changes 2>/dev/null) || changed=
containers=$(there | xargs -r docker container inspect --format "$of_container") || :
# Its image stays on the host under a name of its own, unless it has the name of a release already.
named=$(docker image ls --no-trunc --format '{{.ID}} {{.Repository}}:{{.Tag}}' "$images*" | grep -vE ':(before|redeploy|readiness)-') || :
of='s/^{"service":"\([^"]*\)","image":"\(sha256:[0-9a-f]*\)".*/\2 \1/p'
printf '%s\n' "$containers" | sed -n "$of" | sort -u | while read -r id service; do
    name=$images$(echo "$service" | tr A-Z a-z)
    case $named in *"$id $name:"*) ;; *) docker tag "$id" "$name:$(echo "$id" | cut -c 8-19)" ;; esac
done
for path in $(printf '%s\n' "$containers" | sed -n 's/.*"files":"\([A-Za-z0-9._@+/,-]*\)".*/\1/p' | tr , '\n' | sort -u); do
    set -- "$@" "compose$(echo "$path" | tr / =):$path"
done
files=$(for pair; do
    folder=$state/kept/${pair%%:*} path=${pair#*:} kept=
    [ -f "$path" ] && [ -r "$path" ] || continue
    mkdir -p -m 2770 "$folder"
    for one in "$folder"/healthy-*; do if cmp -s "$one" "$path"; then kept=$one; fi; done
    if [ -z "$kept" ]; then
        kept=$folder/healthy-$incident
        cp "$path" "$folder/.part" && mv "$folder/.part" "$kept" || { rm -f "$folder/.part"; exit 1; }
    fi
    printf '{"path":"%s","hash":"%s","kept":"%s"}\n' "$path" "$(sha256sum <"$kept" | cut -c -64)" "$kept"
done | joined)
wait
who=$(sed -n 3p "$state/lock/holder" 2>/dev/null) || who=
printf '{"when":"%s","incident":"%s","by":%s,"commit":"%s","changed":%s,"containers":[%s],"files":[%s],"databases":[%s]}\n' \
    "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$incident" "${who:-null}" "$commit" "$([ -n "$changed" ] && echo true || echo false)" \
    "$(printf '%s' "$containers" | joined)" "$files" "$(joined <"$answers")" >>"$state/releases.jsonl"
"""
_NEWEST = """newest() { stat -L -c '%Y %n' "$@" 2>/dev/null | sort -rn | head -n 1 | cut -d ' ' -f 2-; }"""


@dataclass(frozen=True)
class Ran:
    """A service as it ran: the id of its image, the name that the compose files gave the image, how compose was called, the networks of its
    containers, and how many these were."""

    image: str
    name: str
    compose: Compose
    networks: frozenset[str] = frozenset()
    count: int = 1


@dataclass(frozen=True)
class KeptFile:
    """A file with which the stack ran: its path, the SHA-256 of its content, and where a copy is kept."""

    path: str
    hash: str
    kept: str


@dataclass(frozen=True)
class Data:
    """A database at that moment: a hash of its tables and columns, "" if it did not answer, and the path of its newest backup, "" for
    none."""

    schema: str
    backup: str


@dataclass(frozen=True)
class WholeRelease:
    """Everything that ran at `when`, as the run `incident` found it healthy. `by` is who ran that. `commit` is that of the tree, "" if the
    stack has none; with `changed`, tracked files other than `files` had uncommitted changes. `services`, `files` (by path) and `databases`
    are None if nothing was entered of them, as in entries of earlier versions."""

    when: datetime
    incident: str
    by: str
    commit: str
    changed: bool = False
    services: Mapping[str, Ran] = field(default_factory=dict)
    files: Mapping[str, KeptFile] | None = None
    databases: Mapping[str, Data] | None = None


def enter(stack: Stack, incident: str, kept: Mapping[str, str]) -> Command:
    """The command that enters what runs as a whole release. It keeps copies of the files, and names of the images. `kept` gives the files
    by their paths, each with the name under which its versions are kept."""
    there = f"there() {{ {docker.listing(stack).shell()}; }}\n"
    if stack.tree:  # files that are kept by themselves do not count
        apart = (f":(exclude){path}" for path in map(stack.in_tree, kept) if path)
        status = git.command(stack.tree, "--no-optional-locks", "status", "--porcelain", "--untracked-files=no", "--", ".", *apart)
        there += f"changes() {{ {status.shell()}; }}\n"
    pairs = (f"{name}:{path}" for path, name in kept.items())
    words = (stack.state, stack.kept_images, incident, stack.tree or "", _CONTAINER, *pairs)
    return Command.script(there + _databases(stack.databases) + _ENTER, *words)


def whole_releases(state: str) -> Fact[list[WholeRelease]]:
    """The newest whole releases in the ledger, oldest first. The hashes of their files are hidden, since an env file holds secrets."""
    hides = lambda found: (file.hash for release in found for file in (release.files or {}).values())  # noqa: E731
    known = ledger.entries(f"{state}/{FILE}", _whole, "containers")
    return replace(known, commands=(known.commands[0].pipe("tail", "-n", str(NEWEST)),), hides=hides)


def schema(section: Database) -> Fact[str | None]:
    """A hash of the tables and columns of a database; None if it does not answer."""
    return Fact((Command.of("sh", "-euc", _hashed(section)),), str.strip, otherwise=lambda _: None)


def _hashed(section: Database) -> str:
    columns = engines.of(section).columns(section.database)
    return f"""found=$(timeout 10 {columns.shell()} 2>/dev/null); printf '%s\\n' "$found" | sha256sum | cut -c -16"""


def _databases(sections: Iterable[Database]) -> str:
    """A shell function that prints a line for each database. Patterns of backups are not quoted, as the shell has to expand them; the stack
    file may contain no character in them that would do more."""
    line = """printf '{"name":"%s","schema":"%%s","backup":"%%s"}\\n' "$(%s)" "$(%s)" &"""
    lines = [line % (one.name, _hashed(one), f"newest {one.backups}" if one.backups else ":") for one in sections]
    return "\n".join([_NEWEST, "databases() {", *lines, "wait", "}", ""])


def _whole(**line: Any) -> WholeRelease:
    return WholeRelease(
        when=line["when"],
        incident=line["incident"],
        by=(line["by"] or {}).get("who", ""),
        commit=line["commit"],
        changed=line["changed"],
        services=_services(line["containers"]),
        files={raw["path"]: KeptFile(raw["path"], raw["hash"], raw["kept"]) for raw in line["files"]},
        databases={raw["name"]: Data(raw["schema"], raw["backup"]) for raw in line["databases"]},
    )


def _services(containers: Iterable[Mapping[str, Any]]) -> dict[str, Ran]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for raw in containers:
        found.setdefault(raw["service"], []).append(raw)
    return {name: _ran(mine) for name, mine in sorted(found.items())}


def _ran(containers: list[Mapping[str, Any]]) -> Ran:
    first = containers[0]
    networks = frozenset(name for raw in containers for name in raw["networks"] if name)
    return Ran(first["image"], first["name"], _compose(first), networks, len(containers))


def _compose(raw: Mapping[str, Any]) -> Compose:
    """How compose was called, from the labels of a container."""
    files, env_files = ([word for word in (raw[key] or "").split(",") if word] for key in ("files", "env_files"))
    return Compose(raw["directory"], tuple(files), raw["project"], tuple(env_files))
