"""Views of readiness: the target of each procedure, and the rows of the report."""

from typing import Any

from rollback_lib.facts.host import Unanswered
from rollback_lib.notebook.view import View, note, stack, table
from rollback_lib.notebook.views import triage
from rollback_lib.notebook.views.rows import rows
from rollback_lib.procedures.common.rows import AMBER, RED, worst
from rollback_lib.procedures.readiness import Report, Restored, State, Target


def state(now: State) -> View:
    return triage.state(now.look)


def target(chosen: Target) -> View:
    known: list[tuple[str, Any]] = [
        ("code", chosen.code),
        *((f"image of {name}", found) for name, found in chosen.images.items()),
        *((f"env file {path}", found) for path, found in chosen.envs.items()),
        ("caddyfile", chosen.caddyfile),
        ("redeploy", chosen.redeploy),
    ]
    known += [(f"database {name}", found) for name, found in chosen.databases.items()]
    shown = []
    for name, found in known:
        if isinstance(found, Unanswered):
            shown.append((name, "✘", found.why))
        elif found is not None:
            shown.append((name, "✔", f"{found.name}: {found.why}"))
    return table(("procedure", "", "would go back to"), shown)


def restored(counted: Restored) -> View:
    if not counted.tables:
        return note("info", "Nothing was restored.")
    shown = [(name, "nothing" if count is None else f"{count} tables, {counted.rows[name]}") for name, count in counted.tables.items()]
    return table(("database", "what came back"), shown)


def report(made: Report) -> View:
    level = {RED: "bad", AMBER: "warn"}.get(worst(made.rows), "good")
    return stack(note(level, f"{made.verdict}: {made.reason}."), rows(made.rows))


VIEWS = {State: state, Target: target, Restored: restored, Report: report}
