"""Data file rollback: a SQLite database or a Redis snapshot of a service is replaced by a backup, while whoever has it is stopped."""

from rollback_lib.facts.backups import Backup
from rollback_lib.procedures.datafile.effects import assumed, effects, undo_effects
from rollback_lib.procedures.datafile.losses import Losses, RowLoss, losses, weigh
from rollback_lib.procedures.datafile.noted import After
from rollback_lib.procedures.datafile.plan import plan
from rollback_lib.procedures.datafile.redo import redo, undo_notes
from rollback_lib.procedures.datafile.state import NAME, Candidates, State, candidates, document, section
from rollback_lib.procedures.datafile.target import Target, check, choose, examine
from rollback_lib.procedures.procedure import Procedure

__all__ = [
    "NAME",
    "PROCEDURE",
    "After",
    "Backup",
    "Candidates",
    "Losses",
    "RowLoss",
    "State",
    "Target",
    "assumed",
    "candidates",
    "check",
    "choose",
    "document",
    "effects",
    "examine",
    "losses",
    "plan",
    "redo",
    "section",
    "undo_effects",
    "undo_notes",
    "weigh",
]  # fmt: skip

PROCEDURE = Procedure(
    name=NAME, size=55, check=check, document=document, examine=examine, plan=plan, effects=effects, undo_effects=undo_effects,
    assumed=assumed, parts=lambda stack: [{"datafile": one.name} for one in stack.datafiles],
    triage="rollback_lib.procedures.datafile.triage", readiness="rollback_lib.procedures.datafile.readiness", weigh=weigh,
    redo=redo, undo_notes=undo_notes, views="rollback_lib.notebook.views.datafile",
)  # fmt: skip
