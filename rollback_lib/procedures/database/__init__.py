"""Database rollback: a backup is restored beside the live database and compared with it; then the two swap names in one transaction."""

from rollback_lib.facts.backups import Backup
from rollback_lib.procedures.database.losses import Losses, TableLoss, kept, losses, weigh
from rollback_lib.procedures.database.noted import After
from rollback_lib.procedures.database.plan import NAMES, RESTORE_DEADLINE, SWAP_DEADLINE, assumed, effects, plan, undo_effects
from rollback_lib.procedures.database.redo import redo, undo_notes
from rollback_lib.procedures.database.sql import drop, swap
from rollback_lib.procedures.database.state import (
    NAME,
    Candidate,
    Candidates,
    State,
    beside,
    candidates,
    document,
    maintenance,
    section,
    server_of,
    unusable,
)  # fmt: skip
from rollback_lib.procedures.database.target import NO, YES, Target, check, choose, examine
from rollback_lib.procedures.procedure import Procedure

__all__ = [
    "NAME",
    "NAMES",
    "NO",
    "PROCEDURE",
    "RESTORE_DEADLINE",
    "SWAP_DEADLINE",
    "YES",
    "After",
    "Backup",
    "Candidate",
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
    "drop",
    "effects",
    "examine",
    "kept",
    "losses",
    "maintenance",
    "plan",
    "redo",
    "section",
    "server_of",
    "swap",
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
