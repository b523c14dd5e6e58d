"""What the states of all procedures show alike."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rollback_lib.facts.docker import Container
from rollback_lib.health.probe import Probe
from rollback_lib.notebook.view import View, code, note, stack, table

SHOWN_CANDIDATES = 12


def ago(when: datetime) -> str:
    """How long ago, in the largest unit that fits."""
    seconds = (datetime.now(UTC) - when).total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{max(seconds, 0):.0f} s ago"


def up(container: Container | None) -> str:
    """A container in a line."""
    if container is None:
        return "none"
    by = f", by compose {container.compose_version}" if container.compose_version else ""
    return f"{container.name}: {container.state}, started {ago(container.started)}{by}, {container.restarts} restarts"


def replicas(containers: Sequence[Container]) -> str:
    """The containers of a service, a line each."""
    return "\n".join(map(up, containers)) or "none"


def state(rows: Sequence[tuple[str, str]], probes: Sequence[Probe], lines: Sequence[str], service: str) -> View:
    """Rows of a state, with the health of every route and the service's last lines."""
    routes = [
        (
            f"route {probe.route}",
            f"{'✔' if probe.ok else '✘'} {probe.status or 'no answer'} in {probe.seconds * 1000:.0f} ms: {probe.words}",
        )
        for probe in probes
    ]
    sick = [probe.route for probe in probes if not probe.ok]
    headline = note("bad", f"Not healthy: {', '.join(sick)}.") if sick else note("good", "Every route is healthy.")
    logs = code("\n".join(lines) or "(no lines)", title=f"Last lines of {service}", folded=not sick)
    return stack(headline, table(("", ""), [*rows, *routes]), logs)
