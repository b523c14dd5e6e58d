"""Views that the procedures share."""

from collections.abc import Sequence

from rollback_lib.facts.docker import Container
from rollback_lib.health.probe import Probe
from rollback_lib.notebook.view import Table, View, code, note, stack, table
from rollback_lib.text import tables, times

SHOWN_CANDIDATES = 12


def up(container: Container | None) -> str:
    """A container in a line."""
    if container is None:
        return "none"
    by = f", by compose {container.compose_version}" if container.compose_version else ""
    return f"{container.name}: {container.state}, started {times.ago(container.started)}{by}, {tables.count(container.restarts, 'restart')}"


def replicas(containers: Sequence[Container]) -> str:
    """The containers of a service, a line each."""
    return "\n".join(map(up, containers)) or "none"


def routes(probes: Sequence[Probe], *, well: str = "Every route is healthy.", then: str = "") -> View:
    """The result of probing all routes, in a sentence: `well` if all passed; else a sentence on what failed, followed by `then`."""
    sick = [probe.route for probe in probes if not probe.ok]
    return note("bad", f"Not healthy: {', '.join(sick)}.{then}") if sick else note("good", well)


def answer(probe: Probe) -> str:
    """In short, what a route answered."""
    return f"{'✔' if probe.ok else '✘'} {probe.status or 'no answer'}"


def state(rows: Sequence[tuple[str, str]], probes: Sequence[Probe], lines: Sequence[str], service: str) -> View:
    """The rows of a state, the health of every route, and the last lines of the service's log."""
    shown = [(f"route {probe.route}", f"{answer(probe)} in {probe.seconds * 1000:.0f} ms: {probe.words}") for probe in probes]
    well = all(probe.ok for probe in probes)
    logs = code("\n".join(lines) or "(no lines)", title=f"Last lines of {service}", folded=well)
    return stack(routes(probes), table(("", ""), [*rows, *shown]), logs)


def newest_of(listed: Table, known: int, word: str) -> View:
    """The table of the newest candidates, and how many more are `known`; `word` is what one of these is called."""
    more = known - SHOWN_CANDIDATES
    return stack(listed, note("info", f"{tables.count(more, word)} not shown.")) if more > 0 else listed
