"""The stock that rollbacks need: whether the images of releases would survive a clean-up of Docker, and which clean-ups there are."""

from collections.abc import Mapping
from dataclasses import dataclass

from rollback_lib.facts import copies, schedules
from rollback_lib.facts.host import Host, Unanswered
from rollback_lib.plan.plan import some
from rollback_lib.procedures.common import retention
from rollback_lib.procedures.common.readiness import REMEMBER, Tried
from rollback_lib.procedures.common.rows import AMBER, GREEN, Row
from rollback_lib.stack.model import Stack
from rollback_lib.text import tables


@dataclass(frozen=True)
class Stock:
    """The images that are kept as releases, by their names: those that a container `held`, those that only a service uses, and those that
    are `loose`, so that `docker image prune -a` would remove them. `cleanups` are run at set times."""

    held: tuple[str, ...]
    used: tuple[str, ...]
    loose: tuple[str, ...]
    cleanups: tuple[schedules.Cleanup, ...]


def stocked(host: Host, stack: Stack) -> Stock:
    """Ask for the images that are kept as releases, for the containers that use them, and for clean-ups."""
    images, used = host.ask(copies.images(stack.kept_images)), host.ask(copies.in_use())
    held, cleanups = host.ask(copies.held(stack.name)), host.ask(schedules.cleanups())
    kept = {tag: image.id for image in images.result() for tag in image.tags if retention.of_release(tag)}
    mine = tuple(sorted(tag for tag, id in kept.items() if id in held.result()))
    serving = tuple(sorted(tag for tag, id in kept.items() if id in used.result() and tag not in mine))
    return Stock(mine, serving, tuple(sorted(set(kept) - {*mine, *serving})), cleanups.result())


def of_stock(found: Stock | Unanswered, tried: Mapping[str, Tried]) -> list[Row]:
    """Whether the images are kept, and what each clean-up would remove."""
    if isinstance(found, Unanswered):
        return [Row("images kept", AMBER, f"not known: {found.why}", "look at it on the host")]
    return [_kept(found, tried), *(_cleanup(one, found) for one in found.cleanups)]


def _kept(found: Stock, tried: Mapping[str, Tried]) -> Row:
    name, number = "images kept", tables.count(len({*found.held, *found.used, *found.loose}), "image")
    done = tried.get(REMEMBER)
    if done and done.ok:
        return Row(name, GREEN, "each image of a release is held by a container that never runs; `docker image prune -a` leaves them")
    if found.loose:
        said = f"`docker image prune -a` would remove {some(list(found.loose))}, which no container holds"
        return Row(name, AMBER, said, "a run with --apply, while the stack is healthy, holds each by a container that never runs")
    held = f", {len(found.held)} held by containers that never run" if found.held else ""
    return Row(name, GREEN, f"{number} of releases{held}; `docker image prune -a` leaves them" if number[0] != "0" else "none is kept yet")


def _cleanup(one: schedules.Cleanup, found: Stock) -> Row:
    name = f"clean-up by {one.by}"
    gone = [*found.loose, *(found.held if one.containers else ())]
    if not gone:
        return Row(name, GREEN, f"`{one.command}` leaves what rollbacks need")
    leave = f"let it leave the containers that hold images: `{one.sparing}`"
    do = leave if one.containers else "a run with --apply holds them"
    return Row(name, AMBER, f"`{one.command}` removes {some(gone)}, and so the way back to them", do)
