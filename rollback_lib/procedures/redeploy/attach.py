"""Containers attached to networks as they were before."""

from collections.abc import Sequence

from rollback_lib.command import Command
from rollback_lib.facts.networks import Attachment


def lines(attachments: Sequence[Attachment]) -> str:
    """All of them, a line each."""
    return "\n".join(one.line() for one in attachments)


def connect(attachments: Sequence[Attachment]) -> Command:
    """The command that makes them so; nothing is done to a container that is on its network already, or gone by now: Verify looks
    which of them has to be there."""
    script = (
        "set -f; while read -r network container options; do "
        'known=$(docker ps --all --quiet --filter "name=^/$container\\$"); '
        '[ -n "$known" ] || { echo "$container is gone meanwhile"; continue; }; '
        'id=$(docker network inspect --format "{{.Id}}" "$network"); '
        'docker inspect --format "{{range .NetworkSettings.Networks}}{{.NetworkID}} {{end}}" "$container" | grep -qF "$id" || '
        '{ docker network connect $options "$network" "$container"; echo "$container is on $network again"; }; done'
    )
    return Command.of("sh", "-euc", script).saying(lines(attachments))
