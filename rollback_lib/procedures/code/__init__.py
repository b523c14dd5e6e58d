"""Code rollback: the tree back to a commit, the service's image of that commit, a new container of it."""

from rollback_lib.procedures.code.plan import BUILD_DEADLINE, assumed, build, effects, plan, undo_effects
from rollback_lib.procedures.code.state import NAME, Candidate, Candidates, State, candidates, document
from rollback_lib.procedures.code.target import Target, check, choose, examine

__all__ = [
    "BUILD_DEADLINE", "NAME", "Candidate", "Candidates", "State", "Target", "assumed", "build", "candidates", "check", "choose",
    "document", "effects", "examine", "plan", "undo_effects",
]  # fmt: skip
