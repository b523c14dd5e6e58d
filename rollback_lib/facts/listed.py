"""Lists things with Docker and inspects each, although they may come and go meanwhile."""

import json
from collections.abc import Iterable
from typing import Any

from rollback_lib.commands.command import Command

WHOLE = "{{json .}}"

# When a listed thing is gone at the inspection, the script starts again, since the thing may have been replaced. After the last try, what
# is gone is left out. Any other error of Docker fails the script, so that a Docker that does not answer is never read as an empty list.
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
    """A command that inspects each container, image or volume (`kind`) whose name or id `listing` prints. It prints a JSON object for each,
    on a line. `form` is the Docker template that makes this object."""
    return Command.of("sh", "-euc", _INSPECT, "sh", kind, form, *listing.argv)


def objects(out: str) -> list[dict[str, Any]]:
    """Read what the command of `inspected` printed. Raises ValueError if it is not JSON."""
    return [json.loads(line) for line in out.split("\n") if line]


def gone(messages: Iterable[str]) -> bool:
    """Whether Docker's error messages say only that there is no such thing, which is an answer."""
    lines = [line.lower() for line in messages if line.strip() and not line.lower().startswith("warning")]
    return bool(lines) and all("no such" in line for line in lines)
