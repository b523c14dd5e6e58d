"""Prints the matrix of faults as a table at the end of the session."""

from collections.abc import Callable

import pytest

from tests.acceptance.faults.matrix import STEPS
from tests.faults import FAULTS

END = "how the run with a fault ended"


@pytest.fixture
def ends(record_property: Callable[[str, object], None]) -> Callable[[str, str, str, str], None]:
    """A function that notes how a cell ended: run, step, fault, and its verdicts."""
    return lambda *cell: record_property(END, cell)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    told = (told for report in terminalreporter.stats.get("passed", ()) for told in report.user_properties)
    ends = {tuple(cell[:3]): cell[3] for name, cell in told if name == END}
    if not ends:
        return
    terminalreporter.section("faults, by step: how the run ended → how it ended when it was resumed")
    faults = [fault for fault in FAULTS if any(key[2] == fault for key in ends)]
    rows = [("", *faults)]
    for run, steps in STEPS.items():
        for step in steps:
            row = [ends.get((run, step, fault), "·") for fault in faults]
            if any(cell != "·" for cell in row):
                rows.append((f"{run}.{step}", *row))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        terminalreporter.write_line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
