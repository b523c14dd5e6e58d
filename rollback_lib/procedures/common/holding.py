"""Holding images: `docker image prune -a` removes every image without a container, whatever tags it has. A container that never runs keeps
its image from that."""

from rollback_lib.commands.command import Command
from rollback_lib.commands.image import HOLDS
from rollback_lib.stack.model import Stack

# For each image that is kept as a release, a container by the image's name. Nothing of it ever runs, and it has no volumes. It does not
# look like one of compose, whose labels its image may have.
_HOLD = r"""
stack=$1 kept=$2
docker image ls --format '{{.Repository}}:{{.Tag}}' "$kept*" | grep -vE ':(before|redeploy|readiness)-' | while IFS= read -r image; do
    name=$(printf '%s' "$image" | tr '/:' '--')
    id=$(docker image inspect --format '{{.Id}}' "$image")
    there=$(docker container inspect --format '{{.Image}}' "$name" 2>/dev/null) || there=
    [ "$there" != "$id" ] || continue
    [ -z "$there" ] || docker rm "$name" >/dev/null
    set -- $(docker image inspect --format '{{range $path, $_ := .Config.Volumes}}--tmpfs={{$path}} {{end}}' "$image")
    docker create --name "$name" --label "LABEL=$stack" --label com.docker.compose.project= --network none --entrypoint /nothing "$@" \
        "$image" >/dev/null
done
""".replace("LABEL", HOLDS)


def hold(stack: Stack) -> Command:
    """A command that holds each image that is kept as a release of the stack, and is not held yet."""
    return Command.of("sh", "-euc", _HOLD, "sh", stack.name, stack.kept_images)


def let_go(image: str) -> str:
    """A line of shell that removes the container which holds an image, if there is one."""
    name = image.replace("/", "-").replace(":", "-")
    return f"{Command.of('docker', 'rm', name)} >/dev/null 2>&1 || :"
