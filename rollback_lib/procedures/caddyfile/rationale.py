"""The reasons for a Caddyfile rollback: which version it reverts, and what is known of the target version."""

from rollback_lib.plan.plan import Rationale
from rollback_lib.procedures.caddyfile.state import State, tracked
from rollback_lib.procedures.caddyfile.target import Target
from rollback_lib.text import times


def rationale(now: State, target: Target) -> Rationale:
    """The reasons, taken from git, the file, and its kept versions."""
    verdict = target.version.verdict
    stable = True if verdict.startswith("healthy") else False if verdict.startswith("bad") else None
    known = verdict or f"valid for Caddy, of {times.minute(target.version.when)}; its routes were never verified"
    return Rationale(_change(now), f"{target.version.name}: {known}", stable)


def _change(now: State) -> str:
    current = next((one for one in now.versions if one.content == now.current), None)
    if current:
        return f"{current.name} {current.said}, {times.minute(current.when)}"
    edit = "an uncommitted edit" if tracked(now.stack) else "an edit"
    return f"{edit}, {times.minute(now.file.changed)}" if now.file else ""
