"""Database rollback: a backup restored beside the live database, weighed against it, and put in its place in one transaction."""

from rollback_lib.procedures.database.losses import Losses, TableLoss, kept, losses, weigh
from rollback_lib.procedures.database.plan import assumed, effects, plan, undo_effects
from rollback_lib.procedures.database.state import NAME, Candidate, Candidates, State, candidates, document
from rollback_lib.procedures.database.target import Target, check, choose, examine

__all__ = [
    "NAME", "Candidate", "Candidates", "Losses", "State", "TableLoss", "Target", "assumed", "candidates", "check",
    "choose", "document", "effects", "examine", "kept", "losses", "plan", "undo_effects", "weigh",
]  # fmt: skip
