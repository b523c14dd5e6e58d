"""Triage: what is wrong with the stack, and which is the smallest rollback that fits. Triage changes nothing."""

from rollback_lib.procedures.common.finding import Finding
from rollback_lib.procedures.common.stack_state import StackState
from rollback_lib.procedures.procedure import Procedure
from rollback_lib.procedures.triage.diagnosis import Diagnosis, command, diagnose
from rollback_lib.procedures.triage.state import NAME, check, document

__all__ = ["NAME", "PROCEDURE", "Diagnosis", "Finding", "StackState", "check", "command", "diagnose", "document"]

PROCEDURE: Procedure[StackState, None] = Procedure(
    name=NAME,
    size=90,
    check=check,
    document=document,
    looks=True,
    views="rollback_lib.notebook.views.triage",
)
