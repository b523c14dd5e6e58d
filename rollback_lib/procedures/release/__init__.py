"""Release rollback: bring everything back that was changed since a moment that was proven healthy, in one plan."""

from rollback_lib.procedures.procedure import Procedure
from rollback_lib.procedures.release.effects import assumed, effects, undo_effects
from rollback_lib.procedures.release.losses import Losses, kept, losses, weigh
from rollback_lib.procedures.release.parts import swaps
from rollback_lib.procedures.release.plan import plan
from rollback_lib.procedures.release.redo import redo, undo_notes
from rollback_lib.procedures.release.state import NAME, Candidate, Candidates, State, candidates, document
from rollback_lib.procedures.release.target import LATEST, Target, check, choose, examine

__all__ = [
    "LATEST", "NAME", "PROCEDURE", "Candidate", "Candidates", "Losses", "State", "Target", "assumed", "candidates", "check", "choose",
    "document", "effects", "examine", "kept", "losses", "plan", "swaps", "undo_effects", "weigh",
]  # fmt: skip

PROCEDURE = Procedure(
    name=NAME, size=60, check=check, document=document, examine=examine, plan=plan, effects=effects, undo_effects=undo_effects,
    assumed=assumed, hashes=True, weigh=weigh, redo=redo, undo_notes=undo_notes, triage="rollback_lib.procedures.release.triage",
    readiness="rollback_lib.procedures.release.readiness", views="rollback_lib.notebook.views.release",
)  # fmt: skip
