"""Drift: what containers have and the compose files do not give. A new container would lose it without a warning.

An example are variables that somebody set on the command line of a deploy (`TAG=… docker compose up`): they are in no file.
"""

import posixpath
import re
from collections.abc import Iterable, Mapping

from rollback_lib.facts.compose import Service
from rollback_lib.facts.docker import Container, Mount
from rollback_lib.plan.plan import some
from rollback_lib.secrets.secret import Secret

PROXY = re.compile(r"(?i)(https?|ftp|no|all)_proxy")  # docker itself adds these variables if it is configured with a proxy

Environment = Mapping[str, Secret]


def expected(of_image: Environment, given: Environment) -> dict[str, Secret]:
    """All variables that a new container would have: those of its image, and those that compose gives it, which take precedence."""
    return {**of_image, **given}


def held(container: Container, given: Environment, *, whole: bool = True) -> dict[str, Secret]:
    """The variables of a container, without the proxy variables that docker itself adds. `given` are those that compose gives it. Without
    `whole`, it is not known what its image sets, and all others may come from there."""
    return {key: value for key, value in container.environment.items() if key in given or (whole and not PROXY.fullmatch(key))}


def of_service(
    containers: Iterable[Container], service: Service, images: Mapping[str, Environment], *, image: bool = True,
    but: Iterable[str] = (),
) -> tuple[str, ...]:  # fmt: skip
    """How a service's containers differ from those that compose would make now, in sentences that show no values. `images` holds the
    variables that each image sets, by image id; of an image that is not there, nobody knows. `image` is False if the name of the image
    does not count. `but` are variables that do not count."""
    found = (line for container in containers for line in _of(container, service, images.get(container.image), image, set(but)))
    return tuple(dict.fromkeys(found))


def _of(container: Container, service: Service, of_image: Environment | None, image: bool, but: set[str]) -> Iterable[str]:
    name = container.name
    should = expected(of_image or {}, service.environment)
    has = held(container, service.environment, whole=of_image is not None)
    lost = sorted(key for key in has if key not in should and key not in but)
    other = sorted(key for key in should if key in has and has[key] != should[key] and key not in but)
    more = sorted(key for key in should if key not in has and key not in but)
    if lost:
        yield f"{name} has the variables {some(lost)}, which no file sets: a new container would not"
    if other:
        yield f"{name} has other values of {some(other)} than the files give"
    if more:
        yield f"{name} does not have {some(more)}, which the files give"
    if image and container.image_name != service.image:
        yield f"{name} was started by the name {container.image_name}, and the files name {service.image}"
    if service.command is not None and service.command != container.command:
        yield f"{name} runs another command than the files give"
    if service.published != container.published:
        yield f"{name} publishes {_ports(container.published)}, and the files say {_ports(service.published)}"
    places = {mount.destination: posixpath.normpath(mount.source) for mount in container.mounts}
    moved = [bind for bind in service.binds if places.get(bind.destination) != posixpath.normpath(bind.source)]
    if moved:
        yield f"{name} does not mount {some(sorted(_bind(missing) for missing in moved))}, as the files say"


def _ports(published: frozenset[str]) -> str:
    return some(sorted(published)) or "no port"


def _bind(mount: Mount) -> str:
    return f"{mount.source} at {mount.destination}"
