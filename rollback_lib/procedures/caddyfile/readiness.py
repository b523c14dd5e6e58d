"""Whether the Caddyfile could be rolled back right now."""

from rollback_lib.facts.host import Unanswered
from rollback_lib.procedures.caddyfile.keeping import KEEPING
from rollback_lib.procedures.caddyfile.state import State
from rollback_lib.procedures.caddyfile.target import Target
from rollback_lib.procedures.common.readiness import Readiness, Seen
from rollback_lib.procedures.common.rows import AMBER, GREEN, RED, Row
from rollback_lib.stack.model import Stack


def rows(seen: Seen[State, Target]) -> list[Row]:
    """The version to go back to, and what Caddy runs with."""
    if isinstance(seen.target, Unanswered):
        return [_no_version(seen.look.stack, seen.target.why)]
    found = [Row("caddyfile", GREEN, f"would go back to {seen.target.version.name}, {seen.target.why}; Caddy accepts it")]
    if not isinstance(seen.state, Unanswered) and seen.state.loaded is False:
        said = "Caddy runs with something else than the file says"
        found.append(Row("Caddy's configuration", AMBER, said, "reload it, if that is intended"))
    return found


def _no_version(stack: Stack, why: str) -> Row:
    """A Caddyfile that is in no tree has an earlier version from the first run on that keeps it."""
    if stack.caddyfile and stack.in_tree(stack.caddyfile.file) is None:
        return Row("caddyfile", AMBER, why, "run this with --apply while the stack is healthy: it keeps the file")
    return Row("caddyfile", RED, why, "commit a good version of it")


READINESS: Readiness[State, Target] = Readiness(rank=40, rows=rows, state=lambda state: state, keeping=KEEPING)
