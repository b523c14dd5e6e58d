"""Database rollback: a backup restored beside the live database, weighed against it, and put in its place in one transaction."""

from rollback_lib.facts.backups import Backup
from rollback_lib.procedures.database.losses import Losses, TableLoss, kept, losses, weigh
from rollback_lib.procedures.database.plan import RESTORE_DEADLINE, SWAP_DEADLINE, assumed, effects, plan, undo_effects
from rollback_lib.procedures.database.sql import swap
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
)  # fmt: skip
from rollback_lib.procedures.database.target import Target, check, choose, examine

__all__ = [
    "NAME", "RESTORE_DEADLINE", "SWAP_DEADLINE", "Backup", "Candidate", "Candidates", "Losses", "State", "TableLoss", "Target",
    "assumed", "beside", "candidates", "check", "choose", "document", "effects", "examine", "kept", "losses", "maintenance",
    "plan", "section", "server_of", "swap", "undo_effects", "weigh",
]  # fmt: skip
