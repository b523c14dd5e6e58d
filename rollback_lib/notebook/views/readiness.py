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


def target(one: Target) -> View:
    known: list[tuple[str, Any]] = [
        ("code", one.code),
        ("image", one.image),
        ("env", one.env),
        ("caddyfile", one.caddyfile),
        ("redeploy", one.redeploy),
    ]
    known += [(f"database {name}", found) for name, found in one.databases.items()]
    shown = []
    for name, found in known:
        if isinstance(found, Unanswered):
            shown.append((name, "✘", found.why))
        elif found is not None:
            shown.append((name, "✔", f"{found.name}: {found.why}"))
    return table(("procedure", "", "would go back to"), shown)


def restored(one: Restored) -> View:
    if not one.tables:
        return note("info", "Nothing was restored.")
    shown = [(name, "nothing" if count is None else f"{count} tables, {one.rows[name]}") for name, count in one.tables.items()]
    return table(("database", "what came back"), shown)


def report(one: Report) -> View:
    level = {RED: "bad", AMBER: "warn"}.get(worst(one.rows), "good")
    return stack(note(level, f"{one.verdict}: {one.reason}."), rows(one.rows))


VIEWS = {State: state, Target: target, Restored: restored, Report: report}
