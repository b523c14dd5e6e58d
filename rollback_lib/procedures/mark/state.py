"""The state that a mark enters: the images that run with their commits, and the files that are kept with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rollback_lib.facts import docker, git, holder, releases
from rollback_lib.facts.host import Host, Unanswered, result_of
from rollback_lib.health.probe import Probe
from rollback_lib.host.lock import Owner
from rollback_lib.procedures import registry
from rollback_lib.procedures.code.state import Deployed
from rollback_lib.procedures.common import compose_call
from rollback_lib.procedures.common.running_file import RunningFile
from rollback_lib.stack.model import Stack

NAME = "mark"


@dataclass(frozen=True)
class State:
    """What runs. `services` are those that a rollback can bring back, the most important one first. `images` holds when the image of each
    came to the host. `ledger` are the lines of all services. `files` are the files to keep, by path: None if there is no such file,
    Unanswered if the host gave no answer. `holder` is who holds the stack's lock. `head` is None if the stack has no tree."""

    stack: Stack
    head: git.Head | None
    services: tuple[Deployed, ...]
    images: dict[str, datetime | None]
    ledger: list[releases.Release]
    files: Mapping[str, RunningFile | Unanswered | None]
    holder: Owner | None
    probes: tuple[Probe, ...] = ()

    @property
    def main(self) -> Deployed:
        """The most important service."""
        return self.services[0]

    @property
    def changed(self) -> tuple[str, ...]:
        """Tracked files with uncommitted changes, which an image that was built here may contain. Files that a mark keeps, such as an env
        file, do not count."""
        own = {self.stack.in_tree(path) for path in self.files}
        return tuple(path for path in self.head.dirty if path not in own) if self.head else ()


def names(stack: Stack) -> list[str]:
    """The services that a rollback can bring back."""
    named = [*(stack.code.names if stack.code else ()), *(stack.image.names if stack.image else ())]
    return list(dict.fromkeys(named)) or [stack.main]


def document(host: Host, stack: Stack) -> State:
    """Ask the host for what runs, and what is known about it."""
    project, ledger = host.ask(docker.project(stack)), host.ask(releases.releases(stack.state))
    lock = host.ask(holder.holder(stack.state))
    head, reflog = (host.ask(git.head(stack.tree)), host.ask(git.reflog(stack.tree))) if stack.tree else (None, None)
    images = {name: host.ask(docker.images(stack.kept_repository(name))) for name in names(stack)}
    files = {
        one.keeping.path(stack, **part.parameters): host.beside(one.keeping.look, stack, **part.parameters)
        for part, one in registry.of_readiness(stack) if one.keeping
    }  # fmt: skip
    of, entered = docker.by_service(project.result()), ledger.result()
    services = tuple(
        Deployed(
            name, tuple(of.get(name, ())), compose_call.way(stack, name, project.result(), entered), images[name].result(),
            [one for one in entered if one.service == name], result_of(reflog) or [],
        )
        for name in images
    )  # fmt: skip
    came = {one.service: host.ask(docker.image_time(one.container.image)) for one in services if one.container}
    return State(
        stack=stack, head=result_of(head), services=services, images={name: one.result() for name, one in came.items()}, ledger=entered,
        files={path: one.result() for path, one in files.items()}, holder=lock.result(),
    )  # fmt: skip
