"""Views of the undo of a run."""

from rollback_lib.notebook.view import View, note, stack, table
from rollback_lib.notebook.views import common
from rollback_lib.procedures.undo import State, Target


def state(now: State) -> View:
    made = now.origin.plan
    rows = [
        ("run", f"{made.incident}: {made.procedure} to {made.target}"),
        ("who", f"{now.origin.who}, {now.origin.when}"),
        ("reason", now.origin.because or "none given"),
        ("it ended as", now.origin.verdict),
    ]
    found = [(effect.name, effect.asked, effect.found, "✔" if effect.ok else "✘") for effect in now.found]
    return stack(common.routes(now.probes), table(("", ""), rows), table(("what it changed", "as it left it", "now", ""), found))


def target(chosen: Target) -> View:
    rows = [(row.name, row.asked, row.found) for row in chosen.rows]
    return stack(note("info", f"Chosen: {chosen.why}. All that the undo needs is still kept."), table(("", "before it", "now"), rows))


VIEWS = {State: state, Target: target}
