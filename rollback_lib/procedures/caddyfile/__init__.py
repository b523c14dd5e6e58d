"""Caddyfile rollback: put the proxy's configuration back to an earlier version, and reload it without an outage."""

from rollback_lib.procedures.caddyfile.plan import assumed, effects, plan, undo_effects
from rollback_lib.procedures.caddyfile.state import NAME, Candidate, Candidates, State, Version, candidates, document
from rollback_lib.procedures.caddyfile.target import Target, check, choose, examine
from rollback_lib.procedures.common.parts import once
from rollback_lib.procedures.procedure import Procedure

__all__ = [
    "NAME",
    "PROCEDURE",
    "Candidate",
    "Candidates",
    "State",
    "Target",
    "Version",
    "assumed",
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
    name=NAME, size=10, check=check, document=document, examine=examine, plan=plan, effects=effects, undo_effects=undo_effects,
    assumed=assumed, parts=lambda stack: once(stack.caddyfile), triage="rollback_lib.procedures.caddyfile.triage",
    readiness="rollback_lib.procedures.caddyfile.readiness", views="rollback_lib.notebook.views.caddyfile",
)  # fmt: skip
