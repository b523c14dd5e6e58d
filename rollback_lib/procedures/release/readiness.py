"""Whether everything could be brought back to the newest release right now."""

from rollback_lib.facts.host import Unanswered
from rollback_lib.facts.whole_release import WholeRelease
from rollback_lib.plan.plan import some
from rollback_lib.procedures.common.readiness import REMEMBER, Readiness, Seen
from rollback_lib.procedures.common.rows import AMBER, GREEN, Row
from rollback_lib.procedures.release.state import State
from rollback_lib.procedures.release.target import Target
from rollback_lib.text import times

_NAME = "whole release"
_MARK = "mark it after each deploy: `rollback mark`; or run this with --apply while the stack is healthy"


def rows(seen: Seen[State, Target]) -> list[Row]:
    """The release to go back to, and whether all that it needs is there."""
    now = seen.state
    if isinstance(now, Unanswered):
        return [Row(_NAME, AMBER, f"not known: {now.why}", "fix that on the host")]
    if (kept := seen.tried.get(REMEMBER)) and kept.ok:
        return [Row(_NAME, GREEN, "what runs is entered whole, from now on, as healthy here")]
    whole = [one for one in now.releases if one.files is not None]
    if not whole:
        return [Row(_NAME, AMBER, "none is entered yet, so there is nothing to go back to in one plan", _MARK)]
    if gone := _gone(now, whole[0]):
        return [Row(_NAME, AMBER, f"the copies of {some(gone)} that {whole[0].incident} was healthy with are gone", _MARK)]
    if isinstance(seen.target, Unanswered):
        return [Row(_NAME, AMBER, seen.target.why, _MARK)]
    chosen = seen.target.release
    return [Row(_NAME, GREEN, f"would go back to {chosen.incident}, healthy here {times.minute(chosen.when)}; all it needs is there")]


def _gone(now: State, release: WholeRelease) -> list[str]:
    """The env files and the Caddyfile of a release of which the copy is gone."""
    own = {*now.envs, *([now.stack.caddyfile.file] if now.stack.caddyfile else [])}
    return [path for path, file in (release.files or {}).items() if path in own and file.kept not in now.copies]


READINESS: Readiness[State, Target] = Readiness(rank=45, rows=rows)
