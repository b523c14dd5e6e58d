"""Views of triage: the state of the stack, and which row of the decision tree fits."""

from rollback_lib.facts.host import Unanswered
from rollback_lib.facts.inside_container import Answer
from rollback_lib.notebook.redaction import clean
from rollback_lib.notebook.view import View, code, note, stack, table
from rollback_lib.notebook.views import common
from rollback_lib.notebook.views.rows import rows
from rollback_lib.procedures.common.rows import GREEN, of_certificates, of_machine
from rollback_lib.procedures.triage import Diagnosis, Finding, State
from rollback_lib.procedures.triage.state import Databases, Deployed
from rollback_lib.text import times

_SIGNS = {"fits": "✔ fits", "may fit": "▲ may fit", "does not fit": "✘ does not fit"}
# In this order for changes in the same second: a cause before its effects.
_CAUSES = ("deploy", "Caddyfile", "env file", "image", "container", "known good")


def state(now: State) -> View:
    views = [common.routes(now.probes, well="Every route passes."), _routes(now), _changes(now)]
    if not isinstance(now.redeploy, Unanswered):
        shown = [
            (container.name, _state(container.state, container.health), times.ago(container.started), container.restarts)
            for container in now.redeploy.containers
        ]
        views.append(table(("container", "state", "started", "restarts"), shown, title="Containers"))
        ill = {route.service for route in now.stack.routes for probe in now.probes if probe.route == route.name and not probe.ok}
        for container in now.redeploy.containers:
            lines = now.redeploy.logs.get(container.name, [])[-12:]
            views.append(
                code("\n".join(lines) or "(no lines)", title=f"Last lines of {container.name}", folded=container.service not in ill)
            )
    if now.databases:
        views.append(
            table(("database", "how it is", "its tables"), [_database(name, database) for name, database in now.databases.items()])
        )
    machine = [*of_machine(now.machine), *of_certificates(now.probes)]
    return stack(*views, rows(machine, title="The machine, and certificates"))


def _routes(now: State) -> View:
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


def _changes(now: State) -> View:
    """The last changes, newest first."""
    found = []
    if isinstance(now.deployed, Deployed):
        code_now = now.deployed.state
        found += [(move.when, "deploy", f"{move.commit.short} {move.commit.subject} ({move.action})") for move in code_now.reflog[:3]]
        if now.deployed.image:
            found.append((now.deployed.image, "image", f"the image that {code_now.main.service} runs came to the host"))
        good = [release for release in code_now.releases if release.healthy]
        found += [(release.when, "known good", f"{release.commit[:7]} was healthy here") for release in good[-1:]]
    pulled = [known for known in now.pulled.values() if not isinstance(known, Unanswered)]
    found += [(known.image, "image", f"the image that {known.service} runs came to the host") for known in pulled if known.image]
    held = [known for known in now.envs.values() if not isinstance(known, Unanswered)]
    found += [(known.file.changed, "env file", known.path) for known in held if known.file]
    if now.caddyfile and not isinstance(now.caddyfile, Unanswered) and now.caddyfile.file:
        found.append((now.caddyfile.file.changed, "Caddyfile", now.caddyfile.file.path))
    if not isinstance(now.redeploy, Unanswered):
        found += [(container.created, "container", f"{container.name} was made") for container in now.redeploy.containers]
    newest = sorted(found, key=lambda change: (change[0], _CAUSES.index(change[1]), change[2]), reverse=True)
    shown = [(f"{times.minute(when)}, {times.ago(when)}", kind, words) for when, kind, words in newest[:12]]
    return table(("when", "", "what changed"), shown, title="What changed last")


def _database(name: str, found: Databases | Unanswered) -> tuple[str, str, str]:
    if isinstance(found, Unanswered):
        return name, found.why, ""
    up = f"✔ Postgres {found.server.words} answers" if found.server and found.reachable else "✘ it does not answer"
    if not found.since:
        return name, up, "no backup to compare them with"
    when, gap = found.since[0]
    as_then = f"as in the backup of {times.minute(when)}"
    return name, up, f"✘ not {as_then}: {gap.words}" if gap else f"✔ {as_then}"


def diagnosis(diagnosed: Diagnosis) -> View:
    level = "good" if diagnosed.seen.healthy else "bad"
    views = [note(level, f"{diagnosed.reason[:1].upper()}{diagnosed.reason[1:]}.")]
    if not diagnosed.seen.healthy:
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


VIEWS = {State: state, Diagnosis: diagnosis}
