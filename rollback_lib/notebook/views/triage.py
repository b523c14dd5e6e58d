"""Views of triage: the state of the stack, and which row of the decision tree fits."""

from collections.abc import Sequence

from rollback_lib.facts.host import Unanswered
from rollback_lib.facts.inside_container import Answer
from rollback_lib.notebook.redaction import clean
from rollback_lib.notebook.view import View, code, note, stack, table
from rollback_lib.notebook.views import common
from rollback_lib.notebook.views.rows import rows
from rollback_lib.procedures.common.change import Change
from rollback_lib.procedures.common.rows import GREEN, of_certificates, of_machine
from rollback_lib.procedures.common.stack_state import StackState
from rollback_lib.procedures.database.look import Look as Database
from rollback_lib.procedures.database.triage import TRIAGE as DATABASE
from rollback_lib.procedures.redeploy.state import State as Redeploy
from rollback_lib.procedures.registry import of_triage
from rollback_lib.procedures.triage import Diagnosis, Finding
from rollback_lib.procedures.triage.changes import Since, changes
from rollback_lib.text import times

_SIGNS = {"fits": "✔ fits", "may fit": "▲ may fit", "does not fit": "✘ does not fit"}


def state(now: StackState) -> View:
    views = [common.routes(now.probes, well="Every route passes."), _routes(now), _changes(now)]
    if around := now.of(Redeploy):
        shown = [(one.name, _state(one.state, one.health), times.ago(one.started), one.restarts) for one in around.containers]
        views.append(table(("container", "state", "started", "restarts"), shown, title="Containers"))
        ill = {route.service for route in now.stack.routes for probe in now.probes if probe.route == route.name and not probe.ok}
        for one in around.containers:
            lines = around.logs.get(one.name, [])[-12:]
            views.append(code("\n".join(lines) or "(no lines)", title=f"Last lines of {one.name}", folded=one.service not in ill))
    databases = [(part.name, now.looks[part.label]) for part, triage in of_triage(now.stack) if triage is DATABASE]
    if databases:
        views.append(table(("database", "how it is", "its tables"), [_database(name, one) for name, one in databases]))
    machine = [*of_machine(now.machine), *of_certificates(now.probes)]
    return stack(*views, rows(machine, title="The machine, and certificates"))


def _routes(now: StackState) -> View:
    services = {route.name: route.service for route in now.stack.routes}
    shown = []
    for probe in now.probes:
        service = services[probe.route]
        way = now.ways.why if isinstance(now.ways, Unanswered) else _answer(now.ways.direct.get(probe.route))
        shown.append((probe.route, f"{common.answer(probe)}: {probe.words}", service, way))
    return table(("route", "what users get", "service", "what it answers past the proxy"), shown)


def _answer(answer: Answer | None) -> str:
    if answer is None:
        return "it does not run"
    ports = ", ".join(map(str, answer.ports)) or "no port"
    return f"{'✔' if answer.ok else '✘'} {answer.status or 'no answer'} on {ports}: {clean(answer.said)[:160]}"


def _state(state: str, health: str) -> str:
    return f"{'✔' if state == 'running' else '✘'} {state}{f' ({health})' if health else ''}"


def _changes(now: StackState) -> View:
    """What was changed, newest first."""
    return _listed(changes(now)[:12], "What changed last")


def _listed(found: Sequence[Change], title: str) -> View:
    shown = [(f"{times.minute(one.when)}, {times.ago(one.when)}", one.kind, one.words) for one in found]
    return table(("when", "", "what changed"), shown, title=title)


def _since(since: Since) -> View:
    """What was changed since the stack was healthy: the first thing to look at."""
    if since.healthy is None:
        return note(
            "info", "When the stack was healthy last is not known here: `rollback mark` after each deploy, or a daily readiness run."
        )
    if not since.changes:
        return note("info", f"Nothing is known to have changed since it was healthy, {times.minute(since.healthy)}.")
    return _listed(since.changes[:12], f"What changed since it was healthy, {times.minute(since.healthy)}")


def _database(name: str, one: Database | Unanswered) -> tuple[str, str, str]:
    if isinstance(one, Unanswered):
        return name, one.why, ""
    up = f"✔ {one.server.title} answers" if one.server and one.reachable else "✘ it does not answer"
    if not one.since:
        return name, up, "no backup to compare them with"
    when, gap = one.since[0]
    as_then = f"as in the backup of {times.minute(when)}"
    return name, up, f"✘ not {as_then}: {gap.words}" if gap else f"✔ {as_then}"


def diagnosis(diagnosed: Diagnosis) -> View:
    level = "bad" if not diagnosed.seen.healthy else "warn" if diagnosed.fitting else "good"
    views = [note(level, f"{diagnosed.reason[:1].upper()}{diagnosed.reason[1:]}.")]
    if not diagnosed.seen.healthy:
        views.append(_since(diagnosed.since))
        views.append(
            table(("", "row of the page", "what speaks for it", "what speaks against it"), [_row(found) for found in diagnosed.findings])
        )
    amiss = [row for row in diagnosed.rows if row.level != GREEN]
    if amiss:
        views.append(rows(amiss, title="Beside the page"))
    return stack(*views)


def _row(finding: Finding) -> tuple[str, str, str, str]:
    said = "\n".join(finding.speaks_for), "\n".join(finding.speaks_against)
    return _SIGNS[finding.fit], f"{finding.situation} ({finding.procedure})", *said


VIEWS = {StackState: state, Diagnosis: diagnosis}
