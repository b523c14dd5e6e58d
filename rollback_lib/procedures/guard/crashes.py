"""What went wrong with containers while they were watched, also those that no route leads to."""

from collections.abc import Iterable, Iterator

from rollback_lib.facts.docker import Container
from rollback_lib.text import tables

RESTARTS = 2  # a container that was restarted once has crashed once; twice is a loop


def replaced(before: Iterable[Container], now: Iterable[Container]) -> list[str]:
    """The services of which a container was recreated, removed or added, as by a deploy."""
    then, there = ({one.id: one.service for one in found} for found in (before, now))
    return sorted({(then | there)[id] for id in then.keys() ^ there.keys()})


def restarted(before: Iterable[Container], now: Iterable[Container]) -> dict[str, int]:
    """The containers that ended by themselves since, so that Docker restarted them, each with how often."""
    then = {one.id: one.restarts for one in before}
    since = {one.name: one.restarts - then.get(one.id, one.restarts) for one in now}
    return {name: many for name, many in since.items() if many > 0}


def crashed(before: Iterable[Container], now: Iterable[Container]) -> list[str]:
    """What is wrong with the containers and was not wrong before, a sentence each."""
    then, there = {one.id: one for one in before}, list(now)
    loops = {name: many for name, many in restarted(then.values(), there).items() if many >= RESTARTS}
    found = [f"{name} ended by itself and was restarted {tables.count(many, 'time')}" for name, many in loops.items()]
    return [*found, *(words for one in there if one.id in then and one.name not in loops for words in _fallen(then[one.id], one))]


def _fallen(before: Container, now: Container) -> Iterator[str]:
    if before.state == "running" and now.state in ("exited", "dead") and now.exit != 0:
        yield f"{now.name} ended with exit status {now.exit}"
    elif before.health != "unhealthy" and now.health == "unhealthy":
        yield f"the health check of {now.name} fails"
