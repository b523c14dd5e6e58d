"""What the states of all procedures show alike."""

from collections.abc import Sequence

from rollback_lib.facts.docker import Container
from rollback_lib.health.probe import Probe
from rollback_lib.notebook.view import View, code, note, stack, table
from rollback_lib.text import times

SHOWN_CANDIDATES = 12


def up(container: Container | None) -> str:
    """A container in a line."""
    if container is None:
        return "none"
    by = f", by compose {container.compose_version}" if container.compose_version else ""
    return f"{container.name}: {container.state}, started {times.ago(container.started)}{by}, {container.restarts} restarts"


def replicas(containers: Sequence[Container]) -> str:
    """The containers of a service, a line each."""
    return "\n".join(map(up, containers)) or "none"


def routes(probes: Sequence[Probe], *, well: str = "Every route is healthy.", then: str = "") -> View:
    """What the probes of all routes come to, in a sentence; `well` where all passed, `then` is added where one did not."""
    sick = [probe.route for probe in probes if not probe.ok]
    return note("bad", f"Not healthy: {', '.join(sick)}.{then}") if sick else note("good", well)


def answer(probe: Probe) -> str:
    """What a route answered, in short."""
    return f"{'✔' if probe.ok else '✘'} {probe.status or 'no answer'}"


def state(rows: Sequence[tuple[str, str]], probes: Sequence[Probe], lines: Sequence[str], service: str) -> View:
    """Rows of a state, with the health of every route and the service's last lines."""
    shown = [(f"route {probe.route}", f"{answer(probe)} in {probe.seconds * 1000:.0f} ms: {probe.words}") for probe in probes]
    well = all(probe.ok for probe in probes)
    logs = code("\n".join(lines) or "(no lines)", title=f"Last lines of {service}", folded=well)
    return stack(routes(probes), table(("", ""), [*rows, *shown]), logs)
