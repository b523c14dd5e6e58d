"""How services get new containers.

By compose itself, a new container takes over the anonymous volumes of the one before, but only those that its image has as well. The others
stay on the host, and no container has them mounted any more.
"""

from collections.abc import Iterable, Mapping

from rollback_lib.commands.command import Command
from rollback_lib.commands.compose import Compose
from rollback_lib.facts.docker import Container
from rollback_lib.plan.plan import some

Ways = Mapping[str, tuple[Compose, int]]  # services, each with how compose is called for it and how many containers it has

# The words after -- are those of `docker create`; before it, what has to be mounted, each as VOLUME DESTINATION.
_BACK = r"""
name=$1; shift
has=$(docker container inspect --format '{{range .Mounts}}{{println .Name .Destination}}{{end}}' "$name" 2>/dev/null) || has=
lacks=
while [ "$1" != -- ]; do
    docker volume inspect "${1%% *}" >/dev/null || exit 0 # it is gone, and a volume of that name would be another one
    printf '%s\n' "$has" | grep -qxF -- "$1" || lacks=yes
    shift
done
[ -n "$lacks" ] || exit 0
shift
docker container rm --force "$name" >/dev/null 2>&1 || :
docker create --name "$name" "$@" >/dev/null
"""


def up(services: Ways) -> tuple[Command, ...]:
    """The commands that recreate the services. Those for which compose is called in the same way share one `up`."""
    ways: dict[Compose, dict[str, int]] = {}
    for name, (way, count) in services.items():
        ways.setdefault(way, {})[name] = count
    return tuple(way.up(mine) for way, mine in ways.items())


def back(services: Ways, containers: Iterable[Container]) -> tuple[Command, ...]:
    """The commands that recreate the services with the anonymous volumes that these `containers` of theirs had. A container that does not
    have them now is first replaced by a placeholder that has: compose takes them over when it recreates that."""
    return (*(_volumes_back(one) for one in containers if one.anonymous), *up(services))


def placeholder(container: Container) -> tuple[str, ...]:
    """The words for `docker create` that make a placeholder of a container, with its mounts. It never runs. Compose recreates it, since its
    hash is that of no service."""
    labels = {"project": container.compose.project or "", "service": container.service, "oneoff": "False",
              "container-number": str(container.number), "config-hash": "none"}  # fmt: skip
    words = [word for key, value in labels.items() for word in ("--label", f"com.docker.compose.{key}={value}")]
    # All mounts are given, since Docker makes a new volume for each one that the image declares and that is not mounted.
    words += [word for one in (*container.volumes, *container.mounts) for word in ("--volume", f"{one.source}:{one.destination}")]
    return ("--network", "none", *words, container.image)


def notes(containers: Iterable[Container]) -> tuple[str, ...]:
    """What a plan says of the anonymous volumes of the containers that it recreates."""
    return tuple(
        f"{one.name} has an anonymous volume at {some([mount.destination for mount in one.anonymous])}. The new container takes it over if "
        "its image has a volume there. If not, it stays on the host, and undo mounts it again; `docker volume prune` would remove it."
        for one in containers if one.anonymous
    )  # fmt: skip


def _volumes_back(container: Container) -> Command:
    wanted = (f"{one.source} {one.destination}" for one in container.anonymous)
    return Command.of("sh", "-euc", _BACK, "sh", container.name, *wanted, "--", *placeholder(container))
