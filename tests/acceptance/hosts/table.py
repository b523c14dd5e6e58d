"""The matrix as a table: on a terminal, and as the page docs/hosts.md."""

import re
from collections.abc import Mapping, Sequence
from datetime import date

from lab.shapes import DIMENSIONS, LAB
from tests.acceptance.hosts.matrix import CELLS, PROCEDURES, Cell, Shape

NOT_TRIED = "·"


def rows(ends: Mapping[Cell, str]) -> tuple[list[Sequence[str]], list[str]]:
    """The table, with its header and a row for each shape; and the sentences with which plans were refused, in the order of their
    numbers."""
    shapes: list[Shape] = list(dict.fromkeys(cell.shape for cell in sorted(ends, key=CELLS.index)))
    sentences = list(dict.fromkeys(end for end in ends.values() if end.startswith("refused: ")))

    def word(shape: Shape, procedure: str) -> str:
        end = ends.get(Cell(shape, procedure), NOT_TRIED)
        return f"refused ({sentences.index(end) + 1})" if end in sentences else end

    found = [(*DIMENSIONS, *PROCEDURES), *((*shape, *(word(shape, name) for name in PROCEDURES)) for shape in shapes)]
    return found, [sentence.removeprefix("refused: ") for sentence in sentences]


def read(text: str) -> dict[Cell, str]:
    """How cells ended, as a page says. Those that the matrix no longer has are left out."""
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    header, *rows = [line for line in lines if len(line) == len(lines[0])]
    sentences = dict(re.findall(r"(?m)^(\d+)\. (.*)\.$", text))
    found = {}
    for row in rows:
        for procedure, word in zip(header[len(DIMENSIONS) :], row[len(DIMENSIONS) :], strict=True):
            number = word.removeprefix("refused (").removesuffix(")")
            found[Cell(tuple(row[: len(DIMENSIONS)]), procedure)] = f"refused: {sentences[number]}" if number != word else word
    return {cell: found[cell] for cell in CELLS if found.get(cell, NOT_TRIED) != NOT_TRIED}


def page(ends: Mapping[Cell, str], day: date) -> str:
    """The content of docs/hosts.md. `day` is when cells were tried last."""
    table, sentences = rows(ends)
    header, *lines = table
    values = [f"| {name} | {value} | {_said(name, value)} |" for name, all_of in DIMENSIONS.items() for value in all_of]
    return "\n".join((
        "# Hosts of other shapes",
        "",
        f"What was found until {day:%Y-%m-%d}, in {len(ends)} of the {len(CELLS)} cells that `make hosts` looks at. In each the stack of a "
        "practice host of that shape is broken, rolled back by one procedure of the runbook, looked at (routes, images, replicas, tree, "
        "data), undone, and looked at again.",
        "",
        "“ok” means that the rollback brought back what was good, and its undo what was there before it. “refused” means that the plan "
        "was refused with the sentence of that number below the table, and nothing was changed. "
        f"{NOT_TRIED} was not tried: the stack has no such part, the line is of a host that `make test` has for one procedure, "
        "or the cell has not been run yet.",
        "",
        f"| {' | '.join(header)} |",
        f"|{'---|' * len(header)}",
        *(f"| {' | '.join(line)} |" for line in lines),
        "",
        *(f"{number}. {sentence}." for number, sentence in enumerate(sentences, 1)),
        *([""] if sentences else []),
        "`make hosts` has a line for every pair of values of two columns. `rollback lab up --shape user=deploy,shell=fish` starts one.",
        "",
        "| | Value | What it is |",
        "|---|---|---|",
        *values,
        "",
    ))  # fmt: skip


def _said(dimension: str, value: str) -> str:
    """The comment on the first line of the script that gives a host this shape."""
    file = LAB / "shapes" / dimension / f"{value}.sh"
    return file.read_text().splitlines()[0].removeprefix("# ") if file.exists() else "As the practice host is seeded."
