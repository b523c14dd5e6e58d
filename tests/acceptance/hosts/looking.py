"""Looking at a practice host and its routes: everything that a rollback should bring back."""

import hashlib
import json
import subprocess
from dataclasses import dataclass

import yaml

from lab import shapes
from lab.practice_host import PracticeHost

# The number of rows of each table.
_COUNT = """SELECT table_name, query_to_xml(format('SELECT count(*) FROM %I', table_name), false, true, '')
    FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"""
_TREE = r"""
cd "$tree"; export GIT_OPTIONAL_LOCKS=0
git="git -c safe.directory=*"
$git rev-parse HEAD
$git status --porcelain
"""
_FILES = r"""
cd "$tree"
find . -name .git -prune -o -type f -printf '%p\t%u:%g ' -exec sh -c 'sha256sum <"$1"' sh {} \; | sort"""
_CONTAINERS = r"""docker inspect $(docker ps --all --quiet --filter "label=com.docker.compose.project=$project")"""


@dataclass(frozen=True)
class Container:
    """A container: its state, the id of its image, its networks, and a hash of its environment."""

    state: str
    image: str
    networks: tuple[str, ...]
    environment: str


@dataclass(frozen=True)
class Look:
    """The state of a stack: the answer of each route (body and status, by name), the commit of the tree and its uncommitted changes, the
    files in the tree (owner and digest, by path), the containers by name, and the number of rows of each table."""

    routes: dict[str, str]
    tree: str
    files: dict[str, str]
    containers: dict[str, Container]
    database: str

    @property
    def images(self) -> dict[str, set[str]]:
        """The images of each service."""
        found: dict[str, set[str]] = {}
        for name, container in self.containers.items():
            found.setdefault(name.rpartition("-")[0], set()).add(container.image)
        return found


def look(host: PracticeHost) -> Look:
    """The state of a practice host's stack now."""
    routes = yaml.safe_load((host.folder / "stack.yaml").read_text())["stack"]["routes"]
    files = (line.split("\t") for line in host.exec(shapes.team(_FILES)).splitlines())
    containers = json.loads(host.exec(shapes.team(_CONTAINERS)))
    return Look(
        {route["name"]: _ask(host, route["url"]) for route in routes},
        host.exec(shapes.team(_TREE)),
        dict(files),
        {raw["Name"]: _container(raw) for raw in sorted(containers, key=lambda raw: raw["Name"])},
        host.exec(f'docker exec voice-postgres-1 psql -X -A -t -U dyniq -d dyniq -c "{_COUNT}"'),
    )


def _container(raw: dict) -> Container:
    environment = "\n".join(sorted(raw["Config"]["Env"]))
    networks = tuple(sorted(raw["NetworkSettings"]["Networks"]))
    return Container(raw["State"]["Status"], raw["Image"], networks, hashlib.sha256(environment.encode()).hexdigest())


def _ask(host: PracticeHost, url: str) -> str:
    argv = ["curl", "-sk", "--max-time", "5", "--connect-to", f"::127.0.0.1:{host.https_port}", "-w", "\n%{http_code}", url]
    return subprocess.run(argv, capture_output=True, text=True).stdout
