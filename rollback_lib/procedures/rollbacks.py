"""The procedures that bring something back: one package per section of the runbook."""

from rollback_lib.procedures import caddyfile, code, database, env, image, redeploy
from rollback_lib.procedures.procedure import Procedure

ROLLBACKS: dict[str, Procedure] = {one.NAME: one for one in (code, image, env, caddyfile, database, redeploy)}
