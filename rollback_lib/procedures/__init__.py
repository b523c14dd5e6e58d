"""One package per section of the runbook: facts in, Plan out. No connection is opened here."""

from rollback_lib.procedures import caddyfile, code, database, env, image, readiness, redeploy, triage, undo
from rollback_lib.procedures.procedure import Procedure

PROCEDURES: dict[str, Procedure] = {one.NAME: one for one in (code, image, env, caddyfile, database, redeploy, undo, triage, readiness)}
