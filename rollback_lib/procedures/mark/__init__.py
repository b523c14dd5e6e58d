"""Mark: enter what runs after a deploy in the ledger, as a release that is healthy here or as a bad one."""

from rollback_lib.procedures.mark.outcome import Marked, NotHealthy, answered, failed
from rollback_lib.procedures.mark.plan import known_good, plan
from rollback_lib.procedures.mark.state import NAME, State, document
from rollback_lib.procedures.mark.target import BAD, HEALTHY, Target, check, examine
from rollback_lib.procedures.procedure import Procedure

__all__ = [
    "BAD", "HEALTHY", "NAME", "PROCEDURE", "Marked", "NotHealthy", "State", "Target", "answered", "check", "document",
    "examine", "failed", "known_good", "plan",
]  # fmt: skip

PROCEDURE = Procedure(name=NAME, size=95, check=check, document=document, examine=examine, plan=plan)
