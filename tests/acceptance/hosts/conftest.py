"""Prints the matrix of hosts as a table at the end of the session, and enters it in a page if asked to."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.acceptance.hosts.matrix import Cell
from tests.acceptance.hosts.table import page, read, rows

CELL, END = "the cell", "how the procedure on that host ended"
PAGE = "--write-table"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(PAGE, metavar="FILE", type=Path, help="enter the cells that were tried in this page")


@pytest.fixture
def ends(record_property: Callable[[str, object], None]) -> Callable[[Cell, str], None]:
    """A function that notes how a cell ended."""

    def note(cell: Cell, end: str) -> None:
        record_property(CELL, (cell.shape, cell.procedure))
        record_property(END, end)

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    found: dict[Cell, str] = {}
    for report in (*terminalreporter.stats.get("passed", ()), *terminalreporter.stats.get("failed", ())):
        told = dict(report.user_properties)
        if CELL in told:
            shape, procedure = told[CELL]
            found[Cell(tuple(shape), procedure)] = told[END] if report.passed else "failed"
    if not found:
        return
    terminalreporter.section("hosts of other shapes, by procedure")
    table, sentences = rows(found)
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for row in table:
        terminalreporter.write_line("  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip())
    for number, sentence in enumerate(sentences, 1):
        terminalreporter.write_line(f"{number}. {sentence}")
    if file := terminalreporter.config.getoption(PAGE, None):
        earlier = read(file.read_text()) if file.exists() else {}
        file.write_text(page({**earlier, **found}, datetime.now(UTC).date()))
