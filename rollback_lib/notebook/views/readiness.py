"""Views of readiness: the target of each procedure, and the rows of the report."""

from rollback_lib.facts.host import Unanswered
from rollback_lib.notebook.view import View, note, stack, table
from rollback_lib.notebook.views import triage
from rollback_lib.notebook.views.rows import rows
from rollback_lib.procedures.common.rows import AMBER, RED, worst
from rollback_lib.procedures.readiness import Report, Restored, State, Target


def state(now: State) -> View:
    return triage.state(now.look)


def target(one: Target) -> View:
    shown = [
        (label, "✘", found.why) if isinstance(found, Unanswered) else (label, "✔", f"{found.name}: {found.why}")
        for label, found in one.found.items()
    ]
    return table(("procedure", "", "would go back to"), shown)


def restored(one: Restored) -> View:
    if not one.found:
        return note("info", "Nothing was restored.")
    shown = [(label.partition(" ")[2], measured.words) for label, measured in one.found.items()]
    return table(("database", "what came back"), shown)


def report(made: Report) -> View:
    level = {RED: "bad", AMBER: "warn"}.get(worst(made.rows), "good")
    return stack(note(level, f"{made.verdict}: {made.reason}."), rows(made.rows))


VIEWS = {State: state, Target: target, Restored: restored, Report: report}
