"""Triage: what is wrong with the stack, and which is the smallest rollback that fits. Triage changes nothing."""

from rollback_lib.procedures.common.finding import Finding
from rollback_lib.procedures.procedure import Procedure
from rollback_lib.procedures.triage.diagnosis import Diagnosis, command, diagnose
from rollback_lib.procedures.triage.state import NAME, Deployed, State, check, document

__all__ = ["NAME", "PROCEDURE", "Deployed", "Diagnosis", "Finding", "State", "check", "command", "diagnose", "document"]

PROCEDURE: Procedure[State, None] = Procedure(
    name=NAME,
    size=90,
    check=check,
    document=document,
    views="rollback_lib.notebook.views.triage",
)
