"""Readiness: could this stack be rolled back now? Every procedure looks for its target, and everything that can be tried is tried."""

from rollback_lib.procedures.procedure import Procedure
from rollback_lib.procedures.readiness.plan import plan, restores
from rollback_lib.procedures.readiness.report import Report, report
from rollback_lib.procedures.readiness.restored import Restored, restored
from rollback_lib.procedures.readiness.state import NAME, State, Target, check, document, examine

__all__ = [
    "NAME", "PROCEDURE", "Report", "Restored", "State", "Target", "check", "document", "examine", "plan", "report", "restored",
    "restores",
]  # fmt: skip

PROCEDURE = Procedure(
    name=NAME,
    size=80,
    check=check,
    document=document,
    examine=examine,
    plan=plan,
    looks=True,
    views="rollback_lib.notebook.views.readiness",
)
