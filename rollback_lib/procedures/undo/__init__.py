"""Undo: any run of the records back to what was before it, as a run of its own, which can be undone as well."""

from rollback_lib.procedures.undo.origin import NAME, Origin, check, origin
from rollback_lib.procedures.undo.plan import assumed, effects, plan, undo_effects
from rollback_lib.procedures.undo.state import State, Target, document, examine

__all__ = ["NAME", "Origin", "State", "Target", "assumed", "check", "document", "effects", "examine", "origin", "plan", "undo_effects"]
