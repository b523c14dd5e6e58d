"""Hosts with compose projects, as Docker, compose and git there tell of them."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from rollback_lib.facts import postgres
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.reach import Reach
from rollback_lib.secrets.secret import Secret
from tests.builders.told import Told


def container(
    name: str, project: str = "", service: str = "", *, image: str = "", folder: str = "", files: Iterable[str] = (),
    env_files: Iterable[str] = (), networks: Iterable[str] = (), ports: Mapping[str, str] = {}, env: Iterable[str] = (),
    labels: Mapping[str, str] = {}, mounts: Mapping[str, str] = {}, command: Iterable[str] = (), test: Iterable[str] = (),
    state: str = "running", number: int = 1,
) -> dict[str, Any]:  # fmt: skip
    """What `docker container inspect` has of one. `ports` are HOST:PORT by PORT/PROTOCOL, `mounts` paths of the host by
    where they are seen."""
    of_compose = {
        "project": project, "service": service, "project.working_dir": folder, "project.config_files": ",".join(files),
        "project.environment_file": ",".join(env_files), "container-number": str(number), "oneoff": "False", "version": "2",
    }  # fmt: skip
    known = {f"com.docker.compose.{key}": value for key, value in of_compose.items() if value} if project else {}
    bindings = {port: [dict(zip(("HostIp", "HostPort"), place.rsplit(":", 1), strict=True))] for port, place in ports.items()}
    return {
        "Id": f"id-{name}", "Name": f"/{name}", "Image": "sha256:1", "Created": "2026-01-02T03:04:05.6Z", "RestartCount": 0,
        "State": {"Status": state, "StartedAt": "2026-01-02T03:04:05.6Z", "ExitCode": 0},
        "Config": {"Image": image or f"{project}-{service}", "Labels": {**known, **labels}, "Env": list(env), "Cmd": list(command),
                   "Healthcheck": {"Test": list(test)}},
        "HostConfig": {"PortBindings": bindings, "AutoRemove": False},
        "Mounts": [{"Type": "bind", "Source": source, "Destination": seen} for seen, source in mounts.items()],
        "NetworkSettings": {"Networks": {one: {"Aliases": [service] if service else [], "NetworkID": one} for one in networks}},
    }  # fmt: skip


def config(name: str, services: Mapping[str, Any], outside: Iterable[str] = ()) -> str:
    """What `docker compose config` prints; networks `outside` are of others."""
    known = {"default": {"name": f"{name}_default"}, **{one: {"name": one, "external": True} for one in outside}}
    return json.dumps({"name": name, "services": services, "networks": known})


def server(*databases: str, superuser: bool = True) -> postgres.Server:
    """A Postgres server with these databases."""
    made = {name: postgres.Database(name, 1, "x", "UTF8", {}, "", 0, True, 1, None, Secret("{}"), (), (), (), (), 0) for name in databases}
    return postgres.Server(170000, superuser, made)


def host(containers: list[dict[str, Any]], *known: tuple[str, object], tree: str = "", reach: str = "itself") -> Told:
    """A host with these containers; `tree` is the work tree that every folder is in, "" for none; `known` is what else it says."""
    listed = "\n".join(json.dumps(one) for one in containers)
    ids = "".join(f"{network} {network}\n" for network in sorted({key for one in containers for key in one["NetworkSettings"]["Networks"]}))
    return Told(
        *known,
        ("command -v docker", Reach("deploy", reach)),
        ("docker compose version", "2.26.1\n"),
        ("docker network ls", f"{ids}\x1e{listed}\n\x1e{ids}"),
        ("docker ps --all --quiet", listed),
        ("--show-cdup", lambda fact: _tops(fact, tree)),
    )


def _tops(fact: Fact[Any], tree: str) -> str:
    """What git says of each folder that is in the tree: how many levels it is up to its top."""
    folders = [one for one in fact.commands[0].argv[4:] if tree and f"{one}/".startswith(f"{tree}/")]
    return "".join(f"{one}\0{'../' * (one.count('/') - tree.count('/'))}\0" for one in folders)


NOW = datetime(2026, 11, 29, tzinfo=UTC)
