"""How triage weighs a bad image from a registry."""

from collections.abc import Mapping

from rollback_lib.procedures.code import evidence
from rollback_lib.procedures.common.age import by_age
from rollback_lib.procedures.common.change import Change, Level
from rollback_lib.procedures.common.finding import Finding
from rollback_lib.procedures.common.stack_state import StackState
from rollback_lib.procedures.common.symptoms import Symptoms
from rollback_lib.procedures.common.triage import Triage
from rollback_lib.procedures.image.look import Look, look
from rollback_lib.procedures.image.state import parts
from rollback_lib.stack.model import Stack
from rollback_lib.text import times


def pulled(stack: Stack) -> list[Mapping[str, str]]:
    """The services of the image rollback that are not built here as well. Those that are belong to the look at the code."""
    built = stack.code.names if stack.code else []
    return [one for one, name in zip(parts(stack), stack.image.names if stack.image else [], strict=True) if name not in built]


def weigh(one: Finding, found: Look, now: StackState, seen: Symptoms) -> None:
    """Weigh the image of a service."""
    name, container = found.service, found.container
    if name not in seen.ill:
        one.add(-1, f"{name} itself works")
        return
    standing = [release for release in found.releases if container and release.image == container.image]
    if standing and standing[-1].healthy:
        one.add(-4, f"the image that runs was healthy here {times.minute(standing[-1].when)}")
        return
    if standing:
        one.add(2, f"the image that runs was found bad here before ({standing[-1].incident})", sure=True)
    if container is None or found.image is None:
        one.add(0, "when its image came is not known")
    else:
        one.add(*by_age(found.image, f"the image that runs, {container.image_name}, came here {times.minute(found.image)}"))
        evidence.of_arrival(one, now, found.image, container.created)
    evidence.of_words(one, now, seen, name)


def changes(found: Look) -> list[Change]:
    """The image that came."""
    return [Change(found.image, Level.IMAGE, "image", f"the image that {found.service} runs came to the host")] if found.image else []


TRIAGE = Triage(
    situation="Bad image deploy", look=look, weigh=weigh, changes=changes, parts=pulled, explains=True, suspects=True
)  # fmt: skip
