"""The state of the whole stack: containers, images, networks, volumes, and the files that define them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from rollback_lib.commands.compose import Compose
from rollback_lib.facts import compose, docker, git, machine, networks, releases
from rollback_lib.facts.host import Host, result_of
from rollback_lib.health.probe import Probe
from rollback_lib.procedures.common import compose_call
from rollback_lib.secrets.secret import Secret
from rollback_lib.stack.model import Stack

NAME = "redeploy"


@dataclass(frozen=True)
class State:
    """The state of the whole stack.

    `head` is what is checked out, None if there is no tree. `services` are the services that should run, as compose defines them; `ways`
    holds how compose is called for each. `unknown` are services for which nothing says how compose is called. `unreadable` says where
    compose finds an error in its files, "" if it finds none. `images` are the images on the host that have the names of the services'
    images. `logs` are the last lines of every container, which are lost with it. `free` is the free space on Docker's disk in bytes,
    None if it is not known. `environments` holds the variables that each image sets, by image id.
    """

    stack: Stack
    head: git.Head | None
    containers: list[docker.Container]
    ways: dict[str, Compose]
    services: dict[str, compose.Service]
    unreadable: str
    images: dict[str, docker.Stored]
    attachments: networks.Attachments
    volumes: dict[str, networks.Volume]
    env_files: dict[Compose, tuple[str, ...]]
    free: int | None
    logs: dict[str, list[str]]
    releases: list[releases.Release]
    unknown: tuple[str, ...] = ()
    environments: dict[str, dict[str, Secret]] = field(default_factory=dict)
    probes: tuple[Probe, ...] = ()

    def of(self, service: str) -> list[docker.Container]:
        """The containers of a service."""
        return [one for one in self.containers if one.service == service]

    @property
    def orphans(self) -> list[str]:
        """Containers of the project that no compose file defines. They are left alone."""
        return [one.name for one in self.containers if one.service not in self.services]

    @property
    def groups(self) -> dict[Compose, list[str]]:
        """The services, grouped by the way in which compose is called for them."""
        found: dict[Compose, list[str]] = {}
        for service, way in self.ways.items():
            found.setdefault(way, []).append(service)
        return found

    def builds(self, service: str) -> bool:
        """Whether a service is built on the host: it can be built, and its image does not come from a registry."""
        known = self.images.get(self.services[service].image)
        return self.services[service].builds and not (known and known.pulled) and "@" not in self.services[service].image


@dataclass(frozen=True)
class Candidate:
    """A service as it will be deployed. `how` says in words where its image comes from, `runs` what runs now."""

    service: str
    image: str
    how: str
    runs: str


class Candidates(tuple[Candidate, ...]):
    """All services, as they will be deployed."""


def lost(now: State) -> list[tuple[str, str]]:
    """Pairs of a container and a network that it should be on, according to the compose files or the stack file, and is not."""
    named = now.stack.redeploy.networks if now.stack.redeploy else {}
    found = []
    wanted = {one.name: list(now.services[one.service].networks) if one.service in now.services else [] for one in now.containers}
    for container, networks_of in named.items():  # a proxy of another project, too
        if container in wanted or container in now.attachments.containers:
            wanted.setdefault(container, []).extend(networks_of)
    for container, names in wanted.items():
        there = now.attachments.of(container)
        found += [(container, network) for network in dict.fromkeys(names) if network not in there]
    return found


def document(host: Host, stack: Stack) -> State:
    """Ask the host for the state of the whole stack."""
    project, ledger = host.ask(docker.project(stack)), host.ask(releases.releases(stack.state))
    head = host.ask(git.head(stack.tree)) if stack.tree else None
    attached, volumes, free = host.ask(networks.attachments()), host.ask(networks.volumes()), host.ask(machine.for_images(stack.state))
    host.ask(compose.VERSION)
    containers, entered = project.result(), ledger.result()
    ways = _ways(stack, containers, entered)
    defined = {way: host.ask(compose.defined(way)) for way in ways}
    written = {way: host.ask(compose.written(way)) for way in ways}
    logs = {one.name: host.ask(docker.lines(one, docker.LINES)) for one in containers}
    definitions = {way: one.result() for way, one in defined.items()}
    unreadable = next((one.where for one in definitions.values() if isinstance(one, compose.Unreadable)), "")
    known = {way: one for way, one in definitions.items() if not isinstance(one, compose.Unreadable)}
    chosen, services, lost = _services(stack, containers, known, entered)
    images = host.ask(docker.stored({one.image for one in services.values()}))
    environments = host.ask(docker.image_environments({one.image for one in containers}))
    # If compose cannot read its files, `defined` says where the error is.
    env_files = {way: tuple({path for one in written[way].result().values() for path in one.env_files}) for way in known}
    return State(
        stack=stack, head=result_of(head), containers=containers, ways=chosen, services=services, unreadable=unreadable,
        images=images.result(), attachments=attached.result(), volumes=volumes.result(), env_files=env_files, free=free.result(),
        logs={name: one.result() for name, one in logs.items()},
        releases=[one for one in entered if one.service == stack.main], unknown=lost, environments=environments.result(),
    )  # fmt: skip


def candidates(now: State) -> Candidates:
    """The services and what becomes of each."""
    rows = []
    built = "built from the tree" if now.stack.tree else "built here"
    for service, one in sorted(now.services.items()):
        how = built if now.builds(service) else "on the host" if one.image in now.images else "pulled from its registry"
        runs = ", ".join(f"{container.name}: {container.state}" for container in now.of(service)) or "no container"
        rows.append(Candidate(service, one.image, how, runs))
    return Candidates(rows)


def _ways(stack: Stack, containers: list[docker.Container], ledger: list[releases.Release]) -> list[Compose]:
    """The ways in which compose was called: first for the containers, the most frequent way first; then those that the stack file and the
    ledger give."""
    counted = [way for way, _ in Counter(one.compose for one in containers).most_common()]
    entered = [way for name in dict.fromkeys(one.service for one in ledger) if (way := compose_call.way(stack, name, [], ledger))]
    said = [way] if (way := compose_call.way(stack, "", [], ())) else []
    return list(dict.fromkeys([*counted, *said, *entered]))


def _services(
    stack: Stack, containers: list[docker.Container], known: Mapping[Compose, Mapping[str, compose.Service]],
    ledger: list[releases.Release],
) -> tuple[dict[str, Compose], dict[str, compose.Service], tuple[str, ...]]:  # fmt: skip
    """How compose is called for each service, the services, and the services for which that is not known. A service with a container is
    called as it was started. A service without one counts only if it needs no profile."""
    ways: dict[str, Compose] = {}
    unknown = []
    for container in containers:
        if container.service in known.get(container.compose, {}):
            ways[container.service] = container.compose
    used = {one.compose for one in containers}
    others = {name for way, services in known.items() if way in used or not used for name, one in services.items() if not one.optional}
    for name in sorted(others - set(ways)):
        way = compose_call.way(stack, name, containers, ledger)
        if way is None:
            unknown.append(name)
        elif name in known.get(way, {}):
            ways[name] = way
    return ways, {name: known[way][name] for name, way in ways.items()}, tuple(unknown)
