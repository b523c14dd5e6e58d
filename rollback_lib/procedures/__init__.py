"""One file per section of the runbook: facts in, Plan out. No connection is opened here."""

from rollback_lib.procedures import code

PROCEDURES = {code.NAME: code}
