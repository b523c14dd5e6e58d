"""The replicas of a service: counted and compared, one by one, before and after."""

import json
from collections.abc import Iterable, Mapping, Sequence

from rollback_lib.facts import docker
from rollback_lib.facts.docker import Container
from rollback_lib.plan.effect import Effect

PART = "containers"  # of the host, in steps and effects


def before(service: str, containers: Sequence[Container]) -> dict[str, str]:
    """What a plan notes of a service's containers: what an undo has to find again."""
    rows = [[one.id, one.image, one.image_name, one.state] for one in containers]
    return {f"containers {service}": json.dumps(rows), f"replicas {service}": str(docker.count(containers))}


def names(containers: Iterable[Container]) -> tuple[str, ...]:
    """The names of the containers that go with a recreate."""
    return tuple(one.name for one in containers)


def assumed(plan_before: Mapping[str, str], service: str, containers: Sequence[Container]) -> Effect:
    """Whether they are the containers that the plan knew."""
    return Effect(f"{service}: containers", _ids(row[0] for row in _rows(plan_before, service)), _ids(one.id for one in containers))


def after(
    plan_before: Mapping[str, str], service: str, containers: Sequence[Container], *, image: str | None, recreated: bool = True
) -> list[Effect]:  # fmt: skip
    """Whether every replica runs the image of that id, and is a new container; there are as many of them as before."""
    known = _rows(plan_before, service)
    rows = [counted(plan_before, service, containers), _state(service, containers)]
    if image is not None:
        between = {one.image for one in containers} <= {image, *(row[1] for row in known)}
        rows.append(Effect(f"{service}: image", _short({image}), _short(one.image for one in containers), part=PART, between=between))
    if recreated:
        old = {row[0] for row in known}
        fresh = bool(containers) and not old & {one.id for one in containers}
        rows.append(Effect(f"{service}: containers recreated", "yes", "yes" if fresh else "no", part=PART, between=True))
    return rows


def back(plan_before: Mapping[str, str], service: str, containers: Sequence[Container], *, image: str | None = None) -> list[Effect]:
    """Whether the containers are as before: as many, of the same images, started by the same names, and running where they ran.
    `image` is the one they have after the rollback."""
    known = _rows(plan_before, service)
    if not known:
        return []  # there was none, and what a rollback started stays
    between = {one.image for one in containers} <= {image, *(row[1] for row in known)}
    rows = [
        counted(plan_before, service, containers),
        Effect(f"{service}: image", _short(row[1] for row in known), _short(one.image for one in containers), part=PART, between=between),
        Effect(f"{service}: name of the image", _list(row[2] for row in known), _list(one.image_name for one in containers),
               part=PART, between=True),
    ]  # fmt: skip
    return [*rows, _state(service, containers)] if all(row[3] == "running" for row in known) else rows


def counted(plan_before: Mapping[str, str], service: str, containers: Sequence[Container]) -> Effect:
    """Whether there are as many replicas as before."""
    wanted = int(plan_before.get(f"replicas {service}", "0"))
    found = docker.count(containers)
    # Where there was none, the compose files say how many.
    return Effect(f"{service}: replicas", str(wanted or max(found, 1)), str(found), part=PART, between=True)


def _state(service: str, containers: Sequence[Container]) -> Effect:
    states = _list(one.state for one in containers) or "no container"
    return Effect(f"{service}: state", "running", states, condition=True, part=PART)


def _rows(plan_before: Mapping[str, str], service: str) -> list[list[str]]:
    rows: list[list[str]] = json.loads(plan_before.get(f"containers {service}", "[]"))
    return rows


def _ids(ids: Iterable[str]) -> str:
    return " ".join(sorted(one[:12] for one in ids)) or "none"


def _short(images: Iterable[str]) -> str:
    return _list(image[7:19] for image in images) or "none"


def _list(words: Iterable[str]) -> str:
    return ", ".join(sorted(set(words)))
