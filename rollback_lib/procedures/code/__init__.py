"""Code rollback: put the tree back on a commit, build the images of its services from that commit, and recreate their containers."""

from rollback_lib.procedures.code.images import BUILD_DEADLINE
from rollback_lib.procedures.code.images import commands as build
from rollback_lib.procedures.code.plan import assumed, effects, plan, undo_effects
from rollback_lib.procedures.code.state import NAME, Candidate, Candidates, Deployed, State, candidates, document
from rollback_lib.procedures.code.target import Target, check, choose, examine
from rollback_lib.procedures.common.parts import once
from rollback_lib.procedures.procedure import Procedure

__all__ = [
    "BUILD_DEADLINE",
    "NAME",
    "PROCEDURE",
    "Candidate",
    "Candidates",
    "Deployed",
    "State",
    "Target",
    "assumed",
    "build",
    "candidates",
    "check",
    "choose",
    "document",
    "effects",
    "examine",
    "plan",
    "undo_effects",
]  # fmt: skip

PROCEDURE = Procedure(
    name=NAME, size=30, check=check, document=document, examine=examine, plan=plan, effects=effects, undo_effects=undo_effects,
    assumed=assumed, parts=lambda stack: once(stack.code), triage="rollback_lib.procedures.code.triage",
    readiness="rollback_lib.procedures.code.readiness", views="rollback_lib.notebook.views.code",
)  # fmt: skip
