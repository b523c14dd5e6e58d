"""The ledger of releases on the host: which were healthy here, and which were found bad."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from rollback_lib.commands.command import Command
from rollback_lib.commands.compose import Compose
from rollback_lib.facts import copies, ledger
from rollback_lib.facts.fact import Fact
from rollback_lib.text import tables, times

FILE = "releases.jsonl"

_APPEND = (
    'umask 007; case $3 in ""|sha256:*) id=$3 ;; *) id=$(docker image inspect --format "{{.Id}}" "$3") ;; esac; '
    'printf "$2\\n" "$id" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >>"$1"'
)


@dataclass(frozen=True)
class Release:
    """A line of the ledger: `commit` ran as `image` (its id) at `when`, and was healthy or bad. `compose` is how compose was called for
    it; None if that was not entered."""

    service: str
    commit: str
    image: str
    when: datetime
    healthy: bool
    incident: str
    compose: Compose | None = None

    @property
    def verdict(self) -> str:
        """The verdict on the release, as a list of candidates shows it."""
        return "healthy here" if self.healthy else f"bad ({self.incident})"


def enter(
    file: str, service: str, commit: str, image: str, *, healthy: bool, incident: str, compose: Compose | None = None
) -> Command:  # fmt: skip
    """The command that adds a line to the ledger; the time, and the id of the image where `image` is a name, are the host's own word. An
    id stands for itself: the image may be gone, and is "" where none is known."""
    line: dict[str, Any] = {"image": "ID", "when": "NOW", "service": service, "commit": commit, "healthy": healthy}
    line["incident"] = copies.incident_of(incident)
    if compose:
        line["compose"] = asdict(compose)
    # The line is a format for printf, in which a backslash and a percent sign must be doubled.
    text = json.dumps(line).replace("\\", "\\\\").replace("%", "%%").replace('"ID"', '"%s"', 1).replace('"NOW"', '"%s"', 1)
    return Command.of("sh", "-euc", _APPEND, "sh", file, text, image)


def found_bad(ledger: Sequence[Release]) -> set[str]:
    """The commits of which the ledger's last word is that they were bad."""
    last = {one.commit: one.healthy for one in ledger if one.commit}
    return {commit for commit, healthy in last.items() if not healthy}


def standing(ledger: Sequence[Release], commit: str, image: str = "") -> tuple[str, bool | None]:
    """What the ledger says about a commit or an image, in words, and its last verdict: True for healthy, False for bad, None if the
    ledger has nothing."""
    known = [release for release in ledger if (commit and release.commit == commit) or (image and release.image == image)]
    if not known:
        return "nothing is known: it was never verified here", None
    if not known[-1].healthy:
        return f"found bad here {times.minute(known[-1].when)} ({known[-1].incident})", False
    good = [release.when for release in known if release.healthy]
    after = next((release.when for release in ledger[ledger.index(known[-1]) + 1 :]), good[-1])
    hours = (max(after, good[-1]) - good[0]).total_seconds() / 3600
    lasted = f", over {hours:.0f} h" if hours >= 1 else ""
    return f"healthy here {tables.count(len(good), 'time')}{lasted}, last {times.minute(good[-1])}", True


def releases(state: str) -> Fact[list[Release]]:
    """The lines of the ledger, oldest first."""
    return ledger.entries(f"{state}/{FILE}", _release, "service")


def _release(**line: Any) -> Release:
    call = line.pop("compose", None)
    known = Compose(call["directory"], tuple(call["files"]), call["project"], tuple(call["env_files"])) if call else None
    return Release(**line, compose=known)
