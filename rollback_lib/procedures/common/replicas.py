"""The replicas of a service: how many there are, and how each compares with the state before a rollback."""

from collections.abc import Callable, Iterable, Sequence
from typing import Self

from pydantic import Field

from rollback_lib.facts import docker
from rollback_lib.facts.docker import Container
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.noted import Noted

PART = "containers"  # the part of the host that steps and effects name
RUNNING, COMPLETED = "running", "completed"


def state_of(container: Container) -> str:
    """The state of a container as plans and effects name it: that of Docker, or that it has completed."""
    return COMPLETED if container.completed else container.state


class Replica(Noted):
    """A container as it was: its id, the id of its image, the name of the image with which it was started, its state, and its anonymous
    volumes by where they were mounted (in no record of earlier versions)."""

    id: str
    image: str
    image_name: str
    state: str
    volumes: dict[str, str] = Field(default_factory=dict)


class Replicas(Noted):
    """What a plan notes about a service's containers; an undo has to restore it. `count` is the number of replicas."""

    count: int
    containers: tuple[Replica, ...]

    @classmethod
    def of(cls, containers: Sequence[Container], state: Callable[[Container], str] = state_of) -> Self:
        """The containers as they are now. `state` returns what to note as the state of a container."""
        found = (
            Replica(
                id=container.id, image=container.image, image_name=container.image_name, state=state(container),
                volumes={one.destination: one.source for one in container.anonymous},
            )
            for container in containers
        )  # fmt: skip
        return cls(count=docker.count(containers), containers=tuple(found))

    @property
    def ids(self) -> set[str]:
        return {replica.id for replica in self.containers}

    @property
    def images(self) -> set[str]:
        return {replica.image for replica in self.containers}

    @property
    def volumes(self) -> set[tuple[str, str]]:
        """The anonymous volumes of all replicas: where each was mounted, and its name."""
        return {mount for replica in self.containers for mount in replica.volumes.items()}

    @property
    def running(self) -> bool:
        """Whether there was at least one container, and all were running."""
        return {replica.state for replica in self.containers} == {RUNNING}

    @property
    def completed(self) -> bool:
        """Whether there was at least one container, and all had completed."""
        return {replica.state for replica in self.containers} == {COMPLETED}

    @property
    def up(self) -> bool:
        """Whether a container was running, or about to."""
        return any(replica.state.split(" ")[0] in (RUNNING, "restarting") for replica in self.containers)


def names(containers: Iterable[Container]) -> tuple[str, ...]:
    """The names of the containers, which a recreate removes."""
    return tuple(container.name for container in containers)


def assumed(known: Replicas, service: str, containers: Sequence[Container]) -> Effect:
    """Whether the containers are those that the plan noted."""
    return Effect(f"{service}: containers", short_ids(known.ids), short_ids(container.id for container in containers))


def after(
    known: Replicas, service: str, containers: Sequence[Container], *, image: str | None, recreated: bool = True
) -> list[Effect]:  # fmt: skip
    """Whether all replicas run or may have completed, are as many as before, have the image with the id `image` (unless it is None), and
    are new containers (if `recreated`)."""
    rows = [counted(known, service, containers), running(known, service, containers)]
    if image is not None:
        between = {container.image for container in containers} <= {image, *known.images}
        rows.append(
            Effect(f"{service}: image", _short({image}), _short(container.image for container in containers), part=PART, between=between)
        )
    rows += _not_replaced(known, service, containers)
    return [*rows, fresh(known, service, containers)] if recreated else rows


def fresh(known: Replicas, service: str, containers: Sequence[Container]) -> Effect:
    """Whether every container was made after the plan."""
    new = bool(containers) and not known.ids & {container.id for container in containers}
    return Effect(f"{service}: containers recreated", "yes", "yes" if new else "no", part=PART, between=True)


def back(known: Replicas, service: str, containers: Sequence[Container], *, image: str | None = None) -> list[Effect]:
    """Whether the containers are as before the rollback: as many, with the same images under the same names, and running if they ran
    before. `image` is the image that they have after the rollback."""
    if not known.containers:
        return []  # there was no container before; what a rollback started may stay
    between = {container.image for container in containers} <= {image, *known.images}
    called = _list(replica.image_name for replica in known.containers)
    rows = [
        counted(known, service, containers),
        Effect(f"{service}: image", _short(known.images), _short(container.image for container in containers), part=PART, between=between),
        Effect(f"{service}: name of the image", called, _list(container.image_name for container in containers), part=PART, between=True),
        *_mounted_again(known, service, containers),
    ]
    return [*rows, running(known, service, containers)] if ran(known, containers) else rows


def ran(known: Replicas, containers: Iterable[Container]) -> bool:
    """Whether the service did before what it should: it ran, or it had completed, and others wait for that."""
    return known.running or (known.completed and any(container.completes for container in containers))


def _not_replaced(known: Replicas, service: str, containers: Sequence[Container]) -> list[Effect]:
    """Whether no anonymous volume was replaced by a new one, which is empty. Where the target has none, it stays on the host."""
    if not known.volumes:
        return []
    others = {path for path, _ in _there(known, containers) - known.volumes}
    return [Effect(f"{service}: anonymous volumes replaced", "none", _list(others) or "none", part=PART, between=True)]


def _mounted_again(known: Replicas, service: str, containers: Sequence[Container]) -> list[Effect]:
    """Whether the anonymous volumes are mounted where they were."""
    if not known.volumes:
        return []
    asked, found = (_list(f"{path} {name[:12]}" for path, name in mounts) for mounts in (known.volumes, _there(known, containers)))
    return [Effect(f"{service}: anonymous volumes", asked, found or "none", part=PART, between=True)]


def _there(known: Replicas, containers: Iterable[Container]) -> set[tuple[str, str]]:
    """The anonymous volumes that are mounted now where there were some before: where, and their names."""
    paths = {path for path, _ in known.volumes}
    return {(one.destination, one.source) for container in containers for one in container.anonymous if one.destination in paths}


def counted(known: Replicas, service: str, containers: Sequence[Container]) -> Effect:
    """Whether there are as many replicas as before."""
    found = docker.count(containers)
    # If there was no container before, the compose files say how many there are to be.
    return Effect(f"{service}: replicas", str(known.count or max(found, 1)), str(found), part=PART, between=True)


def running(
    known: Replicas, service: str, containers: Sequence[Container], state: Callable[[Container], str] = state_of, *, settles: bool = False
) -> Effect:  # fmt: skip
    """Whether all replicas run. Instead they may have completed, if another service waits for that, or if none was up before."""
    states = {state(container) for container in containers}
    may_complete = not known.up or all(container.completes for container in containers)
    if may_complete:
        states = states - {COMPLETED} or states
    asked = COMPLETED if may_complete and states == {COMPLETED} else RUNNING
    return Effect(f"{service}: state", asked, _list(states) or "no container", settles=settles, condition=True, part=PART)


def short_ids(ids: Iterable[str]) -> str:
    """Short container ids, as a text that can be compared and shown."""
    return " ".join(sorted(container[:12] for container in ids)) or "none"


def _short(images: Iterable[str]) -> str:
    return _list(image[7:19] for image in images) or "none"


def _list(words: Iterable[str]) -> str:
    return ", ".join(sorted(set(words)))
