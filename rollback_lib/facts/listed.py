"""All that Docker lists, inspected. What is gone by then is not there; a Docker that does not answer is no empty list."""

import json
from collections.abc import Iterable
from typing import Any

from rollback_lib.commands.command import Command

WHOLE = "{{json .}}"

# What comes and goes meanwhile is looked at again, since it may have been replaced; in the end, what is gone is left out. A listing
# that fails ends the script with what Docker says; of what it says of things that are gone, it names each.
_INSPECT = r"""
kind=$1 format=$2; shift 2
for again in yes yes yes ''; do
    ids=$("$@")
    [ -n "$ids" ] || exit 0
    if said=$(docker "$kind" inspect --format "$format" $ids 2>&1); then break; fi
    strange=$(printf '%s\n' "$said" | grep -vi -e '^{' -e '^$' -e '^warning' -e 'no such' || :)
    if [ -z "$again" ] && [ -n "$strange" ]; then printf '%s\n' "$strange" >&2; exit 1; fi
done
printf '%s\n' "$said" | grep '^{' || :
"""


def inspected(kind: str, listing: Command, form: str = WHOLE) -> Command:
    """The command that prints what Docker has of each `kind` (container, image, volume) whose name or id `listing` prints, an object of
    JSON on each line; `form` is a template of Docker's that makes one. Nothing where there is none."""
    return Command.of("sh", "-euc", _INSPECT, "sh", kind, form, *listing.argv)


def objects(out: str) -> list[dict[str, Any]]:
    """What `inspected` printed. Raises ValueError."""
    return [json.loads(line) for line in out.split("\n") if line]


def gone(said: Iterable[str]) -> bool:
    """Whether all that Docker said is that there is no such thing: then it has answered."""
    lines = [line.lower() for line in said if line.strip() and not line.lower().startswith("warning")]
    return bool(lines) and all("no such" in line for line in lines)
