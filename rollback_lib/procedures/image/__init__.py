"""Image rollback: put a service back on an earlier image, from the registry or from the host, and pin it so that it stays."""

from rollback_lib.procedures.image.plan import assumed, effects, plan, undo_effects
from rollback_lib.procedures.image.state import NAME, Candidate, Candidates, State, candidates, document, parts
from rollback_lib.procedures.image.target import Target, check, choose, examine, proven
from rollback_lib.procedures.procedure import Procedure

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
    "choose",
    "document",
    "effects",
    "examine",
    "plan",
    "proven",
    "undo_effects",
]  # fmt: skip

PROCEDURE = Procedure(
    name=NAME, size=40, check=check, document=document, examine=examine, plan=plan, effects=effects, undo_effects=undo_effects,
    assumed=assumed, parts=parts, triage="rollback_lib.procedures.image.triage", readiness="rollback_lib.procedures.image.readiness",
    views="rollback_lib.notebook.views.image",
)  # fmt: skip
