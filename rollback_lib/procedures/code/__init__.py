"""Code rollback: the tree back to a commit, the service's image of that commit, a new container of it."""

from rollback_lib.procedures.code.plan import assumed, effects, plan, undo_effects
from rollback_lib.procedures.code.state import NAME, Candidate, Candidates, State, candidates, document
from rollback_lib.procedures.code.target import Target, check, choose, examine

__all__ = [
    "NAME", "Candidate", "Candidates", "State", "Target", "assumed", "candidates", "check", "choose",
    "document", "effects", "examine", "plan", "undo_effects",
]  # fmt: skip
