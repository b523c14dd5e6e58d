"""Attaching containers to networks as they were before."""

from collections.abc import Sequence

from rollback_lib.commands.command import Command
from rollback_lib.facts.networks import Attachment

_CONNECT = r"""
there() { found=$(docker ps --all --quiet --filter "name=^/$1\$"); [ -n "$found" ] || echo "$1 is gone by now"; }
set -f
while read -r network container options; do
    there "$container"; [ -n "$found" ] || continue
    id=$(docker network inspect --format "{{.Id}}" "$network")
    docker inspect --format "{{range .NetworkSettings.Networks}}{{.NetworkID}} {{end}}" "$container" | grep -qF "$id" && continue
    if docker network connect $options "$network" "$container"; then echo "$container is on $network again"
    else there "$container"; [ -z "$found" ] || exit 1; fi
done
"""


def lines(attachments: Sequence[Attachment]) -> str:
    """The attachments as text, a line each."""
    return "\n".join(one.line() for one in attachments)


def connect(attachments: Sequence[Attachment]) -> Command:
    """The command that attaches the containers. It does nothing for a container that is on its network already or no longer exists: the
    verification checks which containers must exist."""
    return Command.of("sh", "-euc", _CONNECT).saying(lines(attachments))
