"""Database rollback: a backup is restored beside the live database and compared with it; then the two swap names in one transaction."""

from rollback_lib.facts.backups import Backup
from rollback_lib.procedures.database.kinds import of as kind_of
from rollback_lib.procedures.database.kinds.kind import NAMES
from rollback_lib.procedures.database.losses import Losses, TableLoss, kept, losses, weigh
from rollback_lib.procedures.database.noted import After
from rollback_lib.procedures.database.plan import RESTORE_DEADLINE, SWAP_DEADLINE, assumed, effects, plan, undo_effects
from rollback_lib.procedures.database.redo import redo, undo_notes
from rollback_lib.procedures.database.state import NAME, Candidates, State, beside, document, section
from rollback_lib.procedures.database.target import Target, candidates, check, choose, examine, unusable
from rollback_lib.procedures.procedure import Procedure

__all__ = [
    "NAME",
    "NAMES",
    "PROCEDURE",
    "RESTORE_DEADLINE",
    "SWAP_DEADLINE",
    "After",
    "Backup",
    "Candidates",
    "Losses",
    "State",
    "TableLoss",
    "Target",
    "assumed",
    "beside",
    "candidates",
    "check",
    "choose",
    "document",
    "effects",
    "examine",
    "kept",
    "kind_of",
    "losses",
    "plan",
    "redo",
    "section",
    "undo_effects",
    "undo_notes",
    "unusable",
    "weigh",
]  # fmt: skip

PROCEDURE = Procedure(
    name=NAME, size=50, check=check, document=document, examine=examine, plan=plan, effects=effects, undo_effects=undo_effects,
    assumed=assumed, parts=lambda stack: [{"database": one.name} for one in stack.databases],
    triage="rollback_lib.procedures.database.triage", readiness="rollback_lib.procedures.database.readiness", hashes=True, weigh=weigh,
    redo=redo, undo_notes=undo_notes, views="rollback_lib.notebook.views.database",
)  # fmt: skip
