"""The target of a redeploy: the files as they are, once it is known that everything they need exists."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rollback_lib.errors import ParameterError, Refused, TargetRefused
from rollback_lib.facts import docker, git, paths
from rollback_lib.facts.host import Host, result_of
from rollback_lib.facts.stores import Held
from rollback_lib.plan.plan import some
from rollback_lib.procedures.common import compose_call, fitting
from rollback_lib.procedures.redeploy.state import NAME, State
from rollback_lib.stack.model import Stack

SPARE = 512 * 1024 * 1024  # bytes that must stay free in addition to the built images


@dataclass(frozen=True)
class Target:
    """The commit that is checked out (None if there is no tree), with its uncommitted changes (`dirty`, paths). `files` are the files that
    define the stack, in its `directory`. `needs` is how many bytes of disk space the build may take. `stores` are the files of stores that
    services have mounted, by service."""

    directory: str
    commit: git.Commit | None
    why: str
    dirty: tuple[str, ...]
    files: tuple[str, ...]
    needs: int
    stores: Mapping[str, Held] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.commit.sha if self.commit else f"{self.directory} as it is"

    @property
    def words(self) -> str:
        """In a few words, what is deployed."""
        return f"the tree at {self.commit.short}" if self.commit else f"the files in {self.directory}"


def check(stack: Stack, target: object = "") -> None:
    """Check the parameter before anything is contacted. Raises ParameterError."""
    stack.section(NAME)
    if target:
        raise ParameterError("target: a redeploy takes the tree as it is checked out; roll the code back first, then redeploy")


def examine(host: Host, now: State, target: str = "") -> Target:
    """The files as they are. Raises TargetRefused if they cannot be deployed, Refused if something else that they need is missing."""
    check(now.stack, target)
    if now.unknown or not (now.containers or now.ways):
        raise compose_call.unknown(now.stack, some(list(now.unknown)) or "the stack")
    if now.unreadable:
        raise TargetRefused(f"compose cannot read its files in {now.stack.compose_directory} ({now.unreadable}); fix them first")
    if not now.services:
        raise TargetRefused(f"the compose files in {now.stack.compose_directory} have no service to start; fix them first")
    binds = sorted({bind.source for one in now.services.values() for bind in one.binds})
    files = {path for way in now.groups for path in (*way.files, way.variables, *now.env_files.get(way, ()))}
    files |= {now.stack.caddyfile.file} if now.stack.caddyfile else set()
    commit = host.ask(git.resolve(now.stack.tree, "HEAD")) if now.stack.tree else None
    missing = host.ask(paths.missing(binds))
    there = host.ask(paths.existing(sorted(files)))
    if missing.result():
        raise TargetRefused(
            f"{some(missing.result())} is mounted into a service and missing on the host, and Docker would make a directory of that name; "
            "bring it back first"
        )
    proxies = sorted(set(now.stack.section(NAME).networks) - {one.name for one in now.containers} - _names(now))
    of_others = {name: host.ask(docker.named(name)) for name in proxies}
    unknown = [name for name, container in of_others.items() if container.result() is None]
    if unknown:
        raise Refused(f"{some(unknown)}, which the stack names in `redeploy.networks`, is no container on {now.stack.host}; fix the name")
    gone = sorted({one for names in now.stack.section(NAME).networks.values() for one in names} - set(now.attachments.networks))
    if gone:
        raise Refused(f"there is no network {some(gone)}, which the stack names in `redeploy.networks`; start the stack it belongs to")
    built = {one.image for name, one in now.services.items() if now.builds(name)}
    needs = sum(now.images[name].size for name in built if name in now.images) + SPARE
    if now.free is not None and now.free < needs:
        raise Refused(
            f"Docker's disk has {now.free / 1e6:,.0f} MB free, and building the images again may take {needs / 1e6:,.0f} MB; "
            "make room, e.g. with `docker builder prune`"
        )
    why = "the tree as it is checked out" if commit else "the compose files as they are; no tree says what they were before"
    dirty = now.head.dirty if now.head else ()
    stores = fitting.files(host, [docker.newest(now.of(name)) for name in now.services])
    fitting.refuse(host, stores, {name: fitting.Start(one.image, one.image) for name, one in now.services.items() if not now.builds(name)})
    return Target(now.stack.compose_directory, result_of(commit), why, dirty, tuple(there.result()), needs, stores)


def _names(now: State) -> set[str]:
    """The names that compose gives to the first container of each service."""
    return {f"{way.project or way.directory.rpartition('/')[2]}-{service}-1" for service, way in now.ways.items()}
