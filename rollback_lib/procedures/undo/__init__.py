"""Undo: bring the host back to the state before a run, according to its record. The undo is a run itself and can be undone as well."""

from rollback_lib.procedures.procedure import Procedure
from rollback_lib.procedures.undo.origin import NAME, Origin, check, origin
from rollback_lib.procedures.undo.plan import assumed, effects, plan, undo_effects
from rollback_lib.procedures.undo.state import State, Target, document, examine

__all__ = [
    "NAME", "PROCEDURE", "Origin", "State", "Target", "assumed", "check", "document", "effects", "examine", "origin", "plan",
    "undo_effects",
]  # fmt: skip

PROCEDURE = Procedure(
    name=NAME, size=70, check=check, document=document, examine=examine, plan=plan, effects=effects, undo_effects=undo_effects,
    assumed=assumed, views="rollback_lib.notebook.views.undo",
)  # fmt: skip
