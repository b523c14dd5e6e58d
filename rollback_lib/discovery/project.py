"""Which compose project of a host is looked at, and what compose and git say of it: all other parts of the look begin with that."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rollback_lib.commands.compose import Compose
from rollback_lib.errors import Refused
from rollback_lib.facts import compose, docker, fronts, inventory, paths, reach, schedules, worktrees
from rollback_lib.facts.host import Host
from rollback_lib.facts.inventory import Listed
from rollback_lib.facts.reach import Reach
from rollback_lib.facts.schedules import Schedules

# Folders that are called so tell nothing of what is in them.
_GENERAL = {"docker", "compose", "deploy", "deployment", "infra", "src", "app", "stack", "server", "prod", "production"}


@dataclass(frozen=True)
class Offer:
    """A compose project of the host: its name, its folders (one, unless something is wrong), and its services."""

    name: str
    folders: tuple[str, ...]
    services: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"{self.name} in {' and '.join(self.folders)} ({', '.join(self.services)})"


@dataclass(frozen=True)
class Survey:
    """All that is on the host: every container, what makes dumps at set times, and the proxies that run outside of containers."""

    reach: Reach
    containers: tuple[Listed, ...]
    schedules: Schedules
    proxies: tuple[str, ...]

    @property
    def offers(self) -> list[Offer]:
        """The compose projects, by name."""
        found: dict[str, list[Listed]] = {}
        for one in self.containers:
            if one.project:
                found.setdefault(one.project, []).append(one)
        return [Offer(name, _unique(one.container.compose.directory for one in mine), _unique(sorted(one.service for one in mine)))
                for name, mine in sorted(found.items())]  # fmt: skip


@dataclass(frozen=True)
class Project:
    """A compose project: `way` is how compose was called for it, `mine` are its containers, `defined` its services as compose would start
    them, `written` as its files have them. `trees` are the tops of git work trees by the folders that are in one; `tree` is that of the
    stack, "" where there is none. `dotenv`: the file is there whose variables compose puts into its files."""

    survey: Survey
    name: str
    way: Compose
    mine: tuple[Listed, ...]
    defined: dict[str, compose.Service]
    written: dict[str, compose.Written]
    trees: dict[str, str]
    tree: str
    dotenv: bool

    @property
    def others(self) -> tuple[Listed, ...]:
        """The containers of the host that are not of it, and share a network with one that is."""
        networks = {network for one in self.mine for network in one.networks} - {"host", "none", "bridge"}
        return tuple(one for one in self.survey.containers if one not in self.mine and networks & one.networks.keys())

    def replicas(self, service: str) -> tuple[Listed, ...]:
        return tuple(one for one in self.mine if one.service == service)

    @property
    def title(self) -> str:
        """What the stack is called unless a name is given: the project, or the tree where the project has its name of a folder that tells
        nothing."""
        folder = (self.tree or self.way.directory).rstrip("/").rpartition("/")[2]
        name = folder if self.name in _GENERAL and folder not in _GENERAL else self.name
        return re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")[:63] or "stack"


def survey(host: Host, alias: str) -> Survey | None:
    """What is on the host; None where only root may use Docker there, and `sudo -n` makes one root. Raises Refused where Docker cannot be
    used, or no compose project is there."""
    who, version, all_there = host.ask(reach.reach()), host.ask(compose.VERSION), host.ask(inventory.containers())
    planned, outside = host.ask(schedules.schedules()), host.ask(fronts.on_host())
    me = who.result()
    if me.how == reach.SUDO:
        return None
    refusal = {
        reach.ABSENT: f"{alias} has no docker, so there is no compose stack; is it the right host?",
        reach.DENIED: f"{me.user} may not use Docker on {alias}; let root run `usermod -aG docker {me.user}` there, or let "
        "sudo ask for no password",
        reach.SILENT: f"Docker on {alias} does not answer; start it there",
    }.get(me.how)
    if refusal:
        raise Refused(refusal)
    version.result()
    found = Survey(me, tuple(all_there.result()), planned.result(), tuple(outside.result()))
    if not found.offers:
        raise Refused(f"no compose project has a container on {alias}; start the stack there, then look again")
    return found


def chosen(offers: Sequence[Offer], alias: str, name: str = "") -> Offer:
    """The project of that name, or the only one. Raises Refused that lists them, unless one is meant."""
    found = [one for one in offers if one.name == name] if name else list(offers)
    if len(found) == 1:
        (one,) = found
        if len(one.folders) > 1:
            raise Refused(f"the project {one.name} on {alias} has containers of {len(one.folders)} folders, {' and '.join(one.folders)}; "
                          "remove those that are left of the older one")  # fmt: skip
        return one
    listed = "; ".join(one.words for one in offers)
    if name:
        raise Refused(f"there is no compose project {name!r} on {alias}; there are: {listed}")
    raise Refused(f"there are {len(offers)} compose projects on {alias}; say which one is meant with --project NAME: {listed}")


def project(host: Host, found: Survey, offer: Offer, alias: str) -> Project:
    """What compose and git say of it. Raises Refused where its files are gone, may not be read, or are none of compose's."""
    mine = tuple(one for one in found.containers if one.project == offer.name)
    newest = docker.newest(one.container for one in mine)
    assert newest is not None  # an offer is made of containers
    way = newest.compose
    files = [*way.files, *way.env_files]
    gone, closed = host.ask(paths.missing(files)), host.ask(paths.closed(files))
    defined, written = host.ask(compose.defined(way)), host.ask(compose.written(way))
    inner, dotenv = host.ask(worktrees.tops([way.directory])), host.ask(paths.existing([way.variables]))
    for words, some in (("are not there any more", gone.result()), (f"may not be read by {found.reach.user}", closed.result())):
        if some:
            raise Refused(f"files of the project {offer.name} on {alias} {words}: {', '.join(some)}; fix that there")
    services = defined.result()
    if isinstance(services, compose.Unreadable):
        raise Refused(f"compose cannot read the files of the project {offer.name} on {alias}: {services.where}; fix that there")
    contexts = sorted({one.context for one in services.values() if one.context.startswith("/")} - {way.directory})
    trees = {**inner.result(), **(host.ask(worktrees.tops(contexts)).result() if contexts else {})}
    tree = trees.get(way.directory) or next(iter(trees.values()), "")
    return Project(found, offer.name, way, mine, services, written.result(), trees, tree, bool(dotenv.result()))


def _unique(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))
