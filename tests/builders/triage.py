"""Builds what triage finds on a host. By default everything is healthy, and nothing was changed for a month; a test changes some of it.

The services are:

agents-api, ruben-api   built from the tree; agents-api reads the env file and uses the database voice
caddy                   the proxy, also on the networks of the other stacks
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from rollback_lib.commands.command import Command
from rollback_lib.facts import caddy, docker, files, git, machine, networks, postgres, schema
from rollback_lib.facts.compose import Meant, Unreadable, Written
from rollback_lib.facts.inside_container import Answer
from rollback_lib.facts.releases import Release
from rollback_lib.health.probe import Probe
from rollback_lib.procedures import caddyfile, code, env, redeploy
from rollback_lib.procedures.code.look import Look as Code
from rollback_lib.procedures.common import snapshots
from rollback_lib.procedures.common.stack_state import StackState, Ways
from rollback_lib.procedures.database.look import Look as Database
from rollback_lib.procedures.release.triage import Look as Together
from rollback_lib.secrets.secret import Key, Secret
from rollback_lib.stack.model import Stack
from tests.builders.containers import WAY, attached, commit, container, service
from tests.builders.stack import STACK

MONTH = 720.0  # hours
RUNS, BEFORE = "b" * 40, "a" * 40
ENV, ENV_BEFORE = "DATABASE_URL=postgresql://dyniq:x@voice-postgres-1/dyniq\nLEVEL=2\n", "LEVEL=1\nSTREAM_URL=http://stream:80\n"
PORTS = {"agents-api": 8000, "ruben-api": 8001}
PROXY = {"docker-caddy-1": ("n8n_default", "nocodb_default", "langfuse_default")}


def ago(hours: float) -> datetime:
    return datetime.now(UTC) - timedelta(hours=hours)


def facts(
    *, ill: str = "", cut_off: bool = False, down: tuple[str, ...] = (), missing: tuple[str, ...] = (), off: str = "", gone: str = "",
    code: dict[str, Any] | None = None, env: dict[str, Any] | None = None, proxy: dict[str, Any] | None = None,
    schemas: dict[str, Any] | None = None, looks: dict[str, Any] | None = None, **changes: Any,
) -> StackState:  # fmt: skip
    """What a look finds. `ill`: agents-api answers 500, saying that; `cut_off`: it answers, and its route does not pass; `down` are
    services whose containers have ended, `missing` those that have none; `off`: a network that the proxy is not on, `gone` one that it
    remembers and that is gone. `code`, `env`, `proxy` and `schemas` are changes of what is known of each; `looks` are
    others instead, by their labels; `changes` are those of the whole."""
    answers = {name: Answer((port,), 200, "fine", True) for name, port in PORTS.items()}
    if ill:
        answers["agents-api"] = Answer((8000,), 500, ill)
    upstreams = {f"{name}.dyniq.ai": (f"{name}:{port}",) for name, port in PORTS.items()}
    status = 500 if ill else 502 if cut_off else 200
    seen = {
        "code": deployed(**(code or {})), "env": env_file(**(env or {})), "caddyfile": caddy_file(**(proxy or {})),
        "redeploy": around(down, missing, off, gone), "release": Together(None, {}, ago(0)),
        **{f"database {one.name}": database(one.name, **(schemas or {}).get(one.name, {})) for one in STACK.databases},
    }  # fmt: skip
    known = {
        "stack": STACK, "looks": seen | (looks or {}), "ways": Ways(answers, upstreams | (proxy or {}).get("upstreams", {})),
        "machine": machine.Machine(0.0, 0.5, 1e6, ()), "probes": (probe("agents-api", status), probe("ruben-api", 200)),
    }  # fmt: skip
    return StackState(**{**known, **changes})


def probe(route: str, status: int) -> Probe:
    return Probe(route, ago(0), status == 200, status, 0.1, "")


def deployed(
    *, came: float = MONTH, made: float | None = None, image: float | None = None, known: str = "", registry: bool = False,
    migrations: tuple[str, ...] = (), asks: tuple[str, ...] = (),
) -> Code:  # fmt: skip
    """The commit that runs: came to the host so many hours ago, its image and its container were `made` then. `known`: it was found
    healthy or bad here; `registry`: it runs by the compose files that take the image from a registry."""
    when = ago(came)
    way = replace(WAY, files=tuple(STACK.image.files)) if registry else WAY
    running = container(created=ago(came if made is None else made), compose=way)
    released = [Release("agents-api", RUNS, running.image, when, known == "healthy", "3f2a9c")] if known else []
    reflog = [git.Move(commit(RUNS, when), when, "pull"), git.Move(commit(BEFORE, ago(2 * MONTH)), ago(2 * MONTH), "clone")]
    api = code.Deployed("agents-api", (running,), way, [docker.Image("kept", RUNS, running.image)], released, reflog)
    state = code.State(
        stack=STACK, head=git.Head(RUNS, "main", ()), log=[move.commit for move in reflog], reflog=reflog, services=(api,), defined={},
        environments={}, compose="2", lines=[],
    )  # fmt: skip
    return Code(state, ago(came if image is None else image), BEFORE, migrations, asks)


def env_file(
    *, changed: float = MONTH + 1, made: float = MONTH, content: str = ENV, before: str | None = ENV_BEFORE, verdict: str = "",
    holds: str = "2", host: str = "voice-postgres-1", unreadable: str = "", read: bool = True,
) -> env.State:  # fmt: skip
    """The env file, changed `changed` hours ago. agents-api reads it, unless `read` is false; its container was made `made` hours ago, and
    has `holds` for LEVEL and a database on `host`. `before` is an earlier version of the file, `verdict` the verdict on the present one.
    `unreadable`: compose cannot read its files, at this place."""

    def file(content: str, hours: float) -> files.File:
        return files.File(STACK.env.file, STACK.env.file, "regular file", "600", 0, 0, 7, ago(hours), Secret(content))

    def variables(level: str) -> dict[str, Secret]:
        return {"DATABASE_URL": Secret(f"postgresql://dyniq:x@{host}/dyniq"), "LEVEL": Secret(level)}

    versions = [snapshots.Version("now", ago(changed), verdict, "kept by a run", file(content, changed))]
    if before is not None:
        versions.append(snapshots.Version("before", ago(2 * MONTH), "", "kept by a run", file(before, 2 * MONTH)))
    meant = Unreadable(unreadable) if unreadable else {"agents-api": Meant(variables("2"), Secret("{}"))}
    return env.State(
        stack=STACK, path=STACK.env.file, file=file(content, changed), images={}, meant={WAY: meant}, key=Key(), versions=versions,
        lines=[], defined={WAY: {}},
        replicas={"agents-api": [container(created=ago(made), environment=variables(holds))]},
        written={WAY: {"agents-api": Written("image", (STACK.env.file,) if read else (), Secret("{}"))}},
    )  # fmt: skip


def caddy_file(
    *, changed: float = MONTH, verdict: str = "", committed: bool = True, wrong: str = "", loaded: bool = True, running: bool = True,
    upstreams: dict[str, tuple[str, ...]] | None = None,
) -> caddyfile.State:  # fmt: skip
    """The Caddyfile, changed `changed` hours ago, in a commit or by hand (`committed`). Caddy accepts it unless it is `wrong`, and has it
    loaded if `loaded`. `upstreams` is not used here, but by `facts`."""

    def version(name: str, content: bytes, hours: float, verdict: str = "") -> caddyfile.Version:
        return caddyfile.Version(name, ago(hours), "subject", verdict, content, Command.of("cat", name))

    path, here = STACK.caddyfile.file, caddy.Configuration("1" * 12, caddy.ADMIN)
    versions = [version("new", b"new", changed, verdict)] if committed else []
    return caddyfile.State(
        stack=STACK, container=container("caddy", state="running" if running else "exited"),
        file=files.File(path, path, "regular file", "644", 0, 0, 7, ago(changed), Secret(b"new")), path_inside="/etc/caddy/Caddyfile",
        inside=None, live=(here if loaded else replace(here, hash="2" * 12)) if running else None, of_file=wrong or here, committed=None,
        versions=[*versions, version("old", b"old", 2 * MONTH)], lines=[],
    )  # fmt: skip


def around(down: tuple[str, ...], missing: tuple[str, ...], off: str, gone: str) -> redeploy.State:
    """The containers and networks. The arguments are those of `facts`."""
    services = {name: service(f"docker-{name}", builds=name != "caddy") for name in ("agents-api", "ruben-api", "caddy")}
    ended = {"state": "exited", "exit": 1}
    containers = [container(name, **(ended if name in down else {})) for name in services if name not in missing]
    attachments = [attached(item.name, "docker_default", item.service) for item in containers] + [
        attached(name, network) for name, others in PROXY.items() for network in others if network != off
    ]
    attachments += [attached("voice-postgres-1", "docker_default"), *([attached("docker-caddy-1", gone, id="n0")] if gone else [])]
    return redeploy.State(
        stack=STACK, head=git.Head(RUNS, "main", ()), containers=containers, ways=dict.fromkeys(services, WAY), services=services,
        unreadable="", images={}, attachments=networks.Attachments(tuple(attachments), {"docker_default": "n1"}), volumes={}, env_files={},
        free=10**12, logs={}, releases=[],
    )  # fmt: skip


def database(
    name: str, *, gone: tuple[str, ...] = (), new: tuple[str, ...] = (), answers: bool = True, backups: bool = True,
    emptied: tuple[str, ...] = (),
) -> Database:  # fmt: skip
    """A database whose schema is that of its newest backup, but for tables that are `gone` and `new` since. Its tables are agents, calls
    and events, of which some were `emptied`."""
    section = next(one for one in STACK.databases if one.name == name)
    since = ((ago(12), schema.Difference(gone, new)),) if backups else ()
    there = {section.database: None}  # which is all that is asked of it
    server = postgres.Server(170002, True, there) if answers else None
    filled = frozenset(("agents", "calls", "events"))
    return Database(section, container(name, name=section.container), server, since, filled, frozenset(emptied))


def without(section: str) -> Stack:
    """The stack without that section of its file."""
    return STACK.model_copy(update={section: None})
