"""How docker compose understands its files. Compose itself reads them, as nothing else follows exactly its rules."""

import json
import posixpath
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rollback_lib.commands.command import Command
from rollback_lib.commands.compose import Compose
from rollback_lib.commands.image import Reference
from rollback_lib.errors import Refused
from rollback_lib.facts import secret_values
from rollback_lib.facts.docker import NEEDED, Mount
from rollback_lib.facts.fact import Fact
from rollback_lib.secrets.redactor import clean
from rollback_lib.secrets.secret import Secret

VERSION = Fact(
    (Command.of("docker", "compose", "version", "--short"),),
    str.strip,
    missing=NEEDED,
)

ALL = ("--profile", "*")  # without it, compose leaves out the services of profiles that are not active


@dataclass(frozen=True)
class Written:
    """A service as written in the compose files, with variables not filled in: its image, the paths of its env files in order, and
    `environment`, all that its environment is made from, as JSON."""

    image: str
    env_files: tuple[str, ...]
    environment: Secret


@dataclass(frozen=True)
class Service:
    """A service as compose would start it.

    `builds` is whether it is built; then `context` is the folder it is built from and `dockerfile` the path of its Dockerfile, both
    absolute, else "". `networks` are their names; `own` are those among them that compose creates and removes with the stack. `binds`
    are the host's paths that are mounted. `optional` is whether it belongs to a profile. `environment`, `command` (None for that of
    the image) and `published` ports are as in `docker.Container`. `definition` is the whole definition, as JSON.
    """

    image: str
    builds: bool
    networks: tuple[str, ...]
    own: tuple[str, ...]
    binds: tuple[Mount, ...]
    optional: bool
    context: str = ""
    dockerfile: str = ""
    environment: dict[str, Secret] = field(default_factory=dict)
    command: tuple[str, ...] | None = None
    published: frozenset[str] = frozenset()
    definition: Secret = field(default_factory=lambda: Secret(b""))


@dataclass(frozen=True)
class Meant:
    """A service as compose understands it: its environment, the rest of its definition as JSON, and the name of its image."""

    environment: dict[str, Secret]
    definition: Secret
    image: str = ""


@dataclass(frozen=True)
class Unreadable:
    """Compose cannot read its files. `where` names the line at fault, and never its text, which may hold a secret."""

    where: str


Defined = dict[str, Service] | Unreadable  # the services by name


def written(compose: Compose) -> Fact[dict[str, Written]]:
    """The services as written in the compose files, by name."""

    def read(out: str) -> dict[str, Written]:
        services: dict[str, Any] = json.loads(out).get("services") or {}
        return {name: _written(service) for name, service in services.items()}

    config = compose.command(*ALL, "config", "--no-interpolate", "--format=json")
    return Fact((config,), read, missing=f"compose cannot read its files in {compose.directory}")


def image(compose: Compose, service: str) -> Fact[Reference]:
    """The image from which compose would start a service now."""

    def read(out: str) -> Reference:
        config = json.loads(out)
        if service not in config["services"]:
            raise Refused(f"{', '.join(compose.files)} have no service {service!r}; fix the stack's section")
        return Reference.parse(_image(config["name"], service, config["services"][service]))

    # `config --images SERVICE` does not serve: it lists the images of the service's dependencies as well.
    command = compose.command(*ALL, "config", "--format=json")
    return Fact((command,), read, missing=f"compose cannot say which image {service} has")


def defined(compose: Compose) -> Fact[Defined]:
    """The services as compose would start them, by name; Unreadable if compose cannot read its files."""

    return Fact((compose.command(*ALL, "config", "--format=json"),), _services, otherwise=unreadable, hides=_secrets)


# The names that compose and env files usually have. Extended regular expression, for both grep and Python.
_NAMES = r"\.env[^/]*|[^/]+\.(ya?ml|env|json)"

# Exports from a commit what compose may read: files with such names, and the files it is called with.
_EXPORT = r"""
umask 077
tree=$1 sha=$2 to=$3; shift 3
mkdir "$to" "$to.list"; trap 'rm -rf "$to" "$to.list"' EXIT; trap 'exit 1' HUP INT TERM
cd "$tree"
git ls-tree -r -z "$sha" >"$to.list/all"
[ $# -eq 0 ] || git ls-tree -z "$sha" -- "$@" >"$to.list/files"
grep -zE '^100[0-7]+ blob [0-9a-f]+.([^/]+/)*(NAMES)$' "$to.list/all" >>"$to.list/files" || :
sed -z 's/^[^	]*	//' "$to.list/files" >"$to.list/names"
sort -zu -o "$to.list/names" "$to.list/names"
xargs -0 -r -n 1 -a "$to.list/names" sh -euc 'mkdir -p "$(dirname "$2/$3")"; git cat-file --filters "$1:$3" >"$2/$3"' sh "$sha" "$to"
link() { [ ! -e "$1" ] || [ -e "$2" ] || { mkdir -p "$(dirname "$2")"; ln -s "$1" "$2"; }; }
""".replace("NAMES", _NAMES)


def may_read(compose: Compose, path: str) -> bool:
    """Whether compose may read the file at this absolute path: it is called with it, or the file has such a name."""
    return path in compose.files or re.fullmatch(_NAMES, posixpath.basename(path)) is not None


def defined_at(compose: Compose, tree: str, sha: str, beside: Sequence[str]) -> Fact[Defined]:
    """The services as the compose files of commit `sha` define them, by name; Unreadable if compose cannot read those files.

    What compose reads of the commit is exported to the host's memory for that moment (/dev/shm, private). The files and folders in
    `beside` are linked there if the commit does not have them.
    """
    folder = f"/dev/shm/rollback-{secrets.token_hex(6)}"
    named = [path.removeprefix(tree + "/") for path in compose.files if path.startswith(tree + "/")]
    export = Command.of("set", "--", tree, sha, folder, *named).shell() + _EXPORT
    links = [Command.of("link", path, folder + path.removeprefix(tree)).shell() + "\n" for path in beside if path.startswith(tree + "/")]
    config = compose.moved(tree, folder).command(*ALL, "config", "--format=json")

    def read(out: str) -> Defined:
        return _services(out.replace(folder, tree))

    return Fact((Command.of("sh", "-euc", export + "".join(links) + config.shell()),), read, otherwise=unreadable, hides=_secrets)


def meant(compose: Compose) -> Fact["dict[str, Meant] | Unreadable"]:
    """The services as compose understands them now, by name; Unreadable if compose cannot read its files."""
    return Fact((compose.command(*ALL, "config", "--format=json"),), services, otherwise=unreadable, hides=_secrets)


def meant_with(compose: Compose, readers: Mapping[str, Written], file: str, content: Secret) -> Fact["dict[str, Meant] | Unreadable"]:
    """The services as compose would understand them if `file` had this content, by name; Unreadable if compose could not read it.

    `readers` are the services that read `file` as an env file; in the answer only their environment is meaningful. All other services
    are in the answer only if `file` is the one whose variables compose fills into the compose files. The content is sent over
    standard input, and lies in the host's memory (/dev/shm, private) while compose reads it.
    """
    folder = f"/dev/shm/rollback-{secrets.token_hex(6)}"
    probe = Secret(json.dumps({"services": {name: _probe(service, file, f"{folder}/env") for name, service in readers.items()}}))
    variables = (f"{folder}/env",) if compose.variables == file else compose.env_files
    changed = replace(compose, env_files=variables)
    asked = replace(changed, files=(f"{folder}/probe.json",)).command(
        *ALL, "--project-directory", compose.directory, "config", "--format=json"
    )
    whole = changed.command(*ALL, "config", "--format=json") if compose.variables == file else Command.of("echo", "{}")
    take = "dd 2>/dev/null bs=1"  # byte by byte, so that the first dd leaves the second its part of the input
    script = (
        f"umask 077; mkdir {folder}; trap 'rm -rf {folder}' EXIT; trap 'exit 1' HUP INT TERM; {take} count={len(content)} of={folder}/env; "
        f"{take} count={len(probe)} of={folder}/probe.json; {asked}; printf '\036'; {whole}"
    )

    def read(out: str) -> dict[str, Meant] | Unreadable:
        probed, rest = (services(part) for part in out.split("\x1e"))
        return {name: replace(service, environment=probed[name].environment) if name in probed else service
                for name, service in {**probed, **rest}.items()}  # fmt: skip

    return Fact((Command.of("sh", "-euc", script),), read, otherwise=unreadable, input=Secret(content.reveal() + probe.reveal()),
                hides=lambda found: (*secret_values.in_env_file(content), *_secrets(found)))  # fmt: skip


def _secrets(found: "Mapping[str, Meant] | Mapping[str, Service] | Unreadable") -> Iterator[str]:
    for service in found.values() if isinstance(found, dict) else ():
        yield from secret_values.in_environment(service.environment)


def services(out: str) -> dict[str, Meant]:
    """Read the services from the output of `docker compose config --format=json`."""
    found: dict[str, Any] = json.loads(out).get("services") or {}
    return {
        name: Meant(_environment(raw.pop("environment", None)), Secret(json.dumps(raw, sort_keys=True)), raw.get("image", ""))
        for name, raw in found.items()
    }


def unreadable(message: str) -> Unreadable:
    """Read from compose's error message only where the error is. Compose quotes the line at fault, which may hold a secret."""
    line = re.search(r"\bline (\d+)", message)
    if line:
        return Unreadable(f"line {line[1]}")
    # A missing file or an unset variable is said without a value.
    known = re.search(
        r"(env file \S+ not found|open \S+: permission denied|no such file or directory|required variable \w+ is missing)", message
    )
    return Unreadable(clean(known[1]) if known else "a line it does not name")


def _image(project: str, service: str, raw: dict[str, Any]) -> str:
    """The name of a service's image; if the service names none, the name that compose gives it."""
    return raw.get("image") or f"{project}-{service}"


def _services(out: str) -> Defined:
    config: dict[str, Any] = json.loads(out)
    networks = config.get("networks") or {}
    return {name: _service(config["name"], name, raw, networks) for name, raw in (config.get("services") or {}).items()}


def _service(project: str, name: str, raw: dict[str, Any], networks: dict[str, Any]) -> Service:
    names = {key: networks.get(key, {}).get("name", key) for key in raw.get("networks") or {}}
    build = raw.get("build") or {}
    context = build.get("context", "")
    command = raw.get("command")
    return Service(
        image=_image(project, name, raw),
        builds="build" in raw,
        networks=tuple(names.values()),
        own=tuple(name for key, name in names.items() if not networks.get(key, {}).get("external")),
        binds=tuple(Mount(volume["source"], volume["target"]) for volume in raw.get("volumes") or () if volume["type"] == "bind"),
        optional=bool(raw.get("profiles")),
        context=context,
        dockerfile=posixpath.normpath(posixpath.join(context, build.get("dockerfile", "Dockerfile"))) if context else "",
        environment=_environment(raw.get("environment")),
        command=None if command is None else tuple(word.replace("$$", "$") for word in command),
        published=frozenset(
            f"{port.get('host_ip') or '*'}:{port.get('published') or '0'}→{port['target']}/{port.get('protocol', 'tcp')}"
            for port in raw.get("ports") or ()
        ),
        definition=Secret(json.dumps(raw, sort_keys=True)),
    )


def _written(raw: dict[str, Any]) -> Written:
    files = tuple(entry["path"] if isinstance(entry, dict) else entry for entry in raw.get("env_file") or ())
    parts = {"env_file": raw.get("env_file") or [], "environment": raw.get("environment") or {}}
    return Written(raw.get("image", ""), files, Secret(json.dumps(parts)))


def _probe(service: Written, file: str, replacement: str) -> dict[str, Any]:
    parts = json.loads(service.environment.reveal())
    entries = [entry if isinstance(entry, dict) else {"path": entry} for entry in parts["env_file"]]
    return {"image": "probe", "environment": parts["environment"],
            "env_file": [{**entry, "path": replacement if entry["path"] == file else entry["path"]} for entry in entries]}  # fmt: skip


def _environment(raw: dict[str, str | None] | None) -> dict[str, Secret]:
    # Compose writes a dollar sign as `$$`, so that its output is itself a valid compose file.
    return {key: Secret(value.replace("$$", "$")) for key, value in (raw or {}).items() if value is not None}
