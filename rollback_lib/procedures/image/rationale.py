"""The reasons for an image rollback: which image it replaces, and what is known of the target image."""

from rollback_lib.facts import releases
from rollback_lib.plan.plan import Rationale
from rollback_lib.procedures.image.state import State
from rollback_lib.procedures.image.target import Target
from rollback_lib.text import times


def rationale(now: State, target: Target) -> Rationale:
    """The reasons, taken from the container, the history, and the ledger of releases."""
    row = target.candidate
    known, stable = releases.standing(now.releases, row.commit.sha if row.commit else "", row.image or "")
    return Rationale(_change(now), f"{row.tag[:12]}: {known}", stable)


def _change(now: State) -> str:
    if now.container is None:
        return ""
    commit = next((one for one in now.log if one.sha == now.running), None)
    of = f", commit {commit.short} “{commit.subject}” by {commit.author}" if commit else ""
    return f"image {now.container.image[7:19]} ({now.container.image_name}){of}, started {times.minute(now.container.created)}"
