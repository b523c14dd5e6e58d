"""Rows of triage and readiness: how one thing on the host is, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from rollback_lib.facts.host import Unanswered
from rollback_lib.facts.machine import Machine
from rollback_lib.health.probe import Probe
from rollback_lib.text import times

GREEN, AMBER, RED = "green", "amber", "red"
CLOCK = 30.0  # by how many seconds the host's clock may be off
_GB = 1e9


@dataclass(frozen=True)
class Row:
    """`level` is green, amber (look at it soon) or red (fix it now); `found` says how it is, `do` what to do."""

    name: str
    level: str
    found: str
    do: str = ""


def worst(rows: Iterable[Row]) -> str:
    """The worst level among the rows; green if there are none."""
    levels = {row.level for row in rows}
    return next((level for level in (RED, AMBER) if level in levels), GREEN)


def of_machine(machine: Machine | Unanswered) -> list[Row]:
    """The rows for disks, memory and clock."""
    if isinstance(machine, Unanswered):
        return [Row("machine", AMBER, machine.why, "look at it on the host")]
    rows = []
    for disk in machine.disks:
        level = RED if disk.share < 0.03 else AMBER if disk.share < 0.1 else GREEN
        do = "" if level == GREEN else "make room, e.g. `docker builder prune`; a full disk breaks what runs, and every rollback"
        rows.append(Row(f"disk {disk.mount}", level, f"{disk.free / _GB:,.1f} of {disk.size / _GB:,.1f} GB free ({disk.share:.0%})", do))
    short = machine.memory < 0.05
    do = "see what takes it: `docker stats --no-stream`" if short else ""
    rows.append(Row("memory", AMBER if short else GREEN, f"{machine.memory:.0%} free", do))
    off = abs(machine.ahead) > CLOCK
    words = (
        f"{times.about(abs(machine.ahead))} {'ahead of' if machine.ahead > 0 else 'behind'} this machine's"
        if off
        else "agrees with this machine's"
    )
    rows.append(Row("clock", AMBER if off else GREEN, words, "set it (NTP); certificates and tokens depend on it" if off else ""))
    return rows


def of_certificates(probes: Iterable[Probe]) -> list[Row]:
    """A row for the certificate of each route. Its remaining time is judged as a share of its whole lifetime, since some certificates are
    valid for a few hours only."""
    rows = []
    for probe in probes:
        if probe.certificate is None:
            if not probe.ok and "certificate" in probe.said.lower():
                rows.append(Row(f"certificate of {probe.route}", RED, probe.words, "see the proxy's log on how it gets its certificates"))
            continue
        begin, end = probe.certificate
        left, whole = (end - datetime.now(UTC)).total_seconds(), (end - begin).total_seconds()
        level = RED if left < 0.1 * whole else AMBER if left < 0.25 * whole else GREEN
        do = "" if level == GREEN else "see why it is not renewed: the proxy's log, port 80, DNS"
        rows.append(Row(f"certificate of {probe.route}", level, f"good until {times.minute(end)}, for {_span(left)} more", do))
    return rows


def _span(seconds: float) -> str:
    return f"{seconds / 86400:.0f} days" if seconds > 2 * 86400 else f"{seconds / 3600:.1f} h"
