"""The matrix as a table, at the end of the session."""

import pytest

from tests.acceptance.faults.matrix import STEPS
from tests.faults import FAULTS

ENDS = pytest.StashKey[dict[tuple[str, str, str], str]]()


@pytest.fixture
def ends(request: pytest.FixtureRequest) -> dict[tuple[str, str, str], str]:
    """How the cells ended, by procedure, step and fault."""
    return request.config.stash.setdefault(ENDS, {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    ends = config.stash.get(ENDS, {})
    if not ends:
        return
    terminalreporter.section("faults, by step: how the run ended → how it ended when it was gone on with")
    faults = [fault for fault in FAULTS if any(key[2] == fault for key in ends)]
    rows = [("", *faults)]
    for procedure, steps in STEPS.items():
        for step in steps:
            row = [ends.get((procedure, step, fault), "·") for fault in faults]
            if any(cell != "·" for cell in row):
                rows.append((f"{procedure}.{step}", *row))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        terminalreporter.write_line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
