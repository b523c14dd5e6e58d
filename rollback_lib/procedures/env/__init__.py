"""Env rollback: put the env file, or single variables in it, back to a kept version, and recreate the services that read it.

Values are compared, never shown.
"""

from rollback_lib.procedures.common.parts import by_name
from rollback_lib.procedures.env.parameters import NAME, check, kept
from rollback_lib.procedures.env.plan import assumed, effects, plan, undo_effects
from rollback_lib.procedures.env.redo import redo
from rollback_lib.procedures.env.state import Candidate, Candidates, State, candidates, document
from rollback_lib.procedures.env.target import Difference, Target, choose, examine
from rollback_lib.procedures.procedure import Procedure

__all__ = [
    "NAME",
    "PROCEDURE",
    "Candidate",
    "Candidates",
    "Difference",
    "State",
    "Target",
    "assumed",
    "candidates",
    "check",
    "choose",
    "document",
    "effects",
    "examine",
    "kept",
    "plan",
    "undo_effects",
]  # fmt: skip

PROCEDURE = Procedure(
    name=NAME, size=20, check=check, document=document, examine=examine, plan=plan, effects=effects, undo_effects=undo_effects,
    assumed=assumed, parts=lambda stack: by_name("file", stack.env.paths) if stack.env else [],
    triage="rollback_lib.procedures.env.triage", readiness="rollback_lib.procedures.env.readiness", hashes=True, redo=redo,
    views="rollback_lib.notebook.views.env",
)  # fmt: skip
