"""Caddyfile rollback: the proxy's configuration back to an earlier version, reloaded without an outage."""

from rollback_lib.procedures.caddyfile.plan import assumed, effects, plan, undo_effects
from rollback_lib.procedures.caddyfile.state import NAME, Candidate, Candidates, State, Version, candidates, document
from rollback_lib.procedures.caddyfile.target import Target, check, choose, examine

__all__ = [
    "NAME", "Candidate", "Candidates", "State", "Target", "Version", "assumed", "candidates", "check", "choose",
    "document", "effects", "examine", "plan", "undo_effects",
]  # fmt: skip
