"""Redeploy of the whole stack: build first, then take it down and bring it up, with every network and volume as before."""

from rollback_lib.procedures.common.parts import once
from rollback_lib.procedures.procedure import Procedure
from rollback_lib.procedures.redeploy.plan import assumed, effects, files_again, plan, undo_effects
from rollback_lib.procedures.redeploy.redo import redo
from rollback_lib.procedures.redeploy.state import NAME, Candidate, Candidates, State, candidates, document, lost
from rollback_lib.procedures.redeploy.target import Target, check, examine

__all__ = [
    "NAME",
    "PROCEDURE",
    "Candidate",
    "Candidates",
    "State",
    "Target",
    "assumed",
    "candidates",
    "check",
    "document",
    "effects",
    "examine",
    "files_again",
    "lost",
    "plan",
    "undo_effects",
]  # fmt: skip

PROCEDURE = Procedure(
    name=NAME, size=60, check=check, document=document, examine=examine, plan=plan, effects=effects, undo_effects=undo_effects,
    assumed=assumed, parts=lambda stack: once(stack.redeploy), triage="rollback_lib.procedures.redeploy.triage",
    readiness="rollback_lib.procedures.redeploy.readiness", redo=redo, views="rollback_lib.notebook.views.redeploy",
)  # fmt: skip
