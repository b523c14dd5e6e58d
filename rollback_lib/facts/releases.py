"""The ledger of releases on the host: what was healthy here, and what was marked bad."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from rollback_lib.commands.command import Command
from rollback_lib.commands.compose import Compose
from rollback_lib.facts import ledger
from rollback_lib.facts.fact import Fact
from rollback_lib.text import times

FILE = "releases.jsonl"

_APPEND = (
    'umask 007; case $3 in ""|sha256:*) id=$3 ;; *) id=$(docker image inspect --format "{{.Id}}" "$3") ;; esac; '
    'printf "$2\\n" "$id" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >>"$1"'
)


@dataclass(frozen=True)
class Release:
    """A line of the ledger: `commit` ran as `image` at `when`, and was healthy, or bad; `compose` is how compose was called for it,
    where that was entered."""

    service: str
    commit: str
    image: str
    when: datetime
    healthy: bool
    incident: str
    compose: Compose | None = None

    @property
    def verdict(self) -> str:
        """What a list of candidates says of it."""
        return "healthy here" if self.healthy else f"bad ({self.incident})"


def enter(
    file: str, service: str, commit: str, image: str, *, healthy: bool, incident: str, compose: Compose | None = None
) -> Command:  # fmt: skip
    """The command that adds a line to the ledger; the time, and the id of the image where `image` is a name, are the host's own word. An
    id stands for itself: the image may be gone, and is "" where none is known."""
    line: dict[str, Any] = {"image": "ID", "when": "NOW", "service": service, "commit": commit, "healthy": healthy, "incident": incident}
    if compose:
        line["compose"] = asdict(compose)
    # The line is a format of printf, to which backslash and percent sign mean something.
    text = json.dumps(line).replace("\\", "\\\\").replace("%", "%%").replace('"ID"', '"%s"', 1).replace('"NOW"', '"%s"', 1)
    return Command.of("sh", "-euc", _APPEND, "sh", file, text, image)


def found_bad(ledger: Sequence[Release]) -> set[str]:
    """The commits of which the ledger's last word is that they were bad."""
    last = {one.commit: one.healthy for one in ledger if one.commit}
    return {commit for commit, healthy in last.items() if not healthy}


def standing(ledger: Sequence[Release], commit: str, image: str = "") -> tuple[str, bool | None]:
    """What the ledger tells of a commit, or of an image, in words; True where it was healthy here last, False where it was
    found bad, None where nothing is known."""
    mine = [one for one in ledger if (commit and one.commit == commit) or (image and one.image == image)]
    if not mine:
        return "nothing is known: it was never verified here", None
    if not mine[-1].healthy:
        return f"found bad here {times.minute(mine[-1].when)} ({mine[-1].incident})", False
    good = [one.when for one in mine if one.healthy]
    after = next((one.when for one in ledger[ledger.index(mine[-1]) + 1 :]), good[-1])
    hours = (max(after, good[-1]) - good[0]).total_seconds() / 3600
    lasted = f", over {hours:.0f} h" if hours >= 1 else ""
    return f"healthy here {len(good)} times{lasted}, last {times.minute(good[-1])}", True


def releases(state: str) -> Fact[list[Release]]:
    """The lines of the ledger, oldest first."""
    return ledger.entries(f"{state}/{FILE}", _release)


def _release(**line: Any) -> Release:
    call = line.pop("compose", None)
    known = Compose(call["directory"], tuple(call["files"]), call["project"], tuple(call["env_files"])) if call else None
    return Release(**line, compose=known)
