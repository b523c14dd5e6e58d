"""Checks that notebooks are fit to be committed: `python -m lab.check notebooks/*.ipynb`. Prints a sentence for each fault."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lab.reference import RECORDED, layout, made_with
from rollback_lib.errors import ParameterError
from rollback_lib.runbook import parameters_cell
from rollback_lib.runbook.metadata import read
from rollback_lib.secrets.redactor import HIDDEN, clean

LINES = 8  # how many lines a code cell may have; the parameters cell may have more
LARGEST = 200_000  # how many bytes a notebook may have
HEADINGS = ["Parameters", "1 Open", "2 Document state", "3 Choose the target", "4 Plan", "5 Confirm", "6 Roll back", "7 Verify", "8 Close"]
START = "start"  # the start page, which is not a procedure and is kept without outputs
LOOKS = {  # the headings of notebooks that only look
    START: ["Parameters", "Stacks", "State", "What changed last", "Who is at it", "Procedures", "Incidents", "So far"],
    "triage": ["Parameters", "1 Open", "2 Document state", "3 Diagnose", "4 What to do", "5 Close"],
    "readiness": [heading.replace("Roll back", "Try") for heading in HEADINGS],
}
# Paths on the machine on which the outputs were made. The practice host has only one path that looks like them: rollback's own folder in
# the /tmp of its containers.
_MACHINE = re.compile(
    r"(?<![\w.-])(/home|/Users|/tmp(?!/rollback-[0-9a-f]{6}\b)|/private|/var/folders|/mnt|/media|[A-Z]:\\+Users)[/\\][\w./\\-]*"
)
_REFERENCE = re.compile(r"\b(env:\w+|file:/[\w./-]+)")  # a reference to a secret, which is not secret itself
_USER_IN_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/@'\"<>]+@")

Cell = dict[str, Any]


def faults(file: Path) -> list[str]:
    """What is wrong with a notebook, a sentence for each fault; empty if it is fit."""
    try:
        text = file.read_text(encoding="utf-8")
        content = json.loads(text)
        procedure = START if file.stem == START else read(file).procedure
    except (ParameterError, OSError, ValueError) as error:
        return [f"it cannot be read as a notebook of this project: {error}"]
    if procedure not in (START, *RECORDED):
        return [f"there is no drill of {procedure!r}, so it can have no outputs; add it to RECORDED in lab/reference.py"]
    return [
        *_layout(text, content),
        *_headings(procedure, content["cells"]),
        *_parameters(content["cells"]),
        *(fault for cell in content["cells"] if cell["cell_type"] == "code" for fault in _code(cell)),
        *_secrets(content["cells"]),
        *_outputs(procedure, content),
    ]


def _layout(text: str, content: Cell) -> Iterator[str]:
    if text != layout(content):
        yield "it is not laid out as the others are; write it with indent=1, ensure_ascii=False and a newline at its end"
    if (size := len(text.encode())) > LARGEST:
        yield f"it has {size} bytes, more than {LARGEST}; let its outputs say less"


def _headings(procedure: str, cells: list[Cell]) -> Iterator[str]:
    text = "\n".join(_source(cell) for cell in cells if cell["cell_type"] == "markdown")
    found, wanted = re.findall(r"^## (.*)$", text, re.MULTILINE), LOOKS.get(procedure, HEADINGS)
    if found != wanted:
        yield f"its headings are {', '.join(found) or 'none'}; they have to be {', '.join(wanted)}"


def _parameters(cells: list[Cell]) -> Iterator[str]:
    tagged = [cell for cell in cells if parameters_cell.is_it(cell)]
    if len(tagged) != 1:
        yield f"{len(tagged)} cells have the tag parameters; give it to one"
    for cell in tagged:
        for line in _source(cell).strip().splitlines():
            if not re.fullmatch(r"\w+: \w+ = .+  # .+", line):
                yield f"cell {cell['id']}: a parameter has a type, a value and a comment, unlike {line!r}"


def _code(cell: Cell) -> Iterator[str]:
    lines = _source(cell).splitlines()
    if len(lines) > LINES and not parameters_cell.is_it(cell):
        yield f"cell {cell['id']} has {len(lines)} lines, more than {LINES}; let the library do more of it"
    for line in lines:
        if re.match(r"\s*[!%]", line):
            yield f"cell {cell['id']}: {line.strip()!r} is a command of IPython; call the library, which records what it does"


def _secrets(cells: list[Cell]) -> Iterator[str]:
    for cell in cells:
        for text in (_REFERENCE.sub(HIDDEN, part) for part in (_source(cell), *_texts(cell))):
            if clean(text).count(HIDDEN) > text.count(HIDDEN) or _USER_IN_ADDRESS.search(text):
                yield f"cell {cell['id']} has what looks like a secret; take it out, and change it where it is used"
                break


def _outputs(procedure: str, content: Cell) -> Iterator[str]:
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    if procedure == START:
        if any(cell["outputs"] or cell["execution_count"] for cell in code):
            yield "it has outputs, which are of one stack at one moment; clear them all"
        return
    remedy = f"run `rollback lab record {procedure}`"
    if not any(cell["outputs"] for cell in code) or any(cell["execution_count"] is None for cell in code):
        yield f"it has no outputs of a drill; {remedy}"
    elif content["metadata"]["rollback"].get("recorded") != made_with(procedure, content):
        yield f"its outputs are out of date: code, tags, scenario or parameters are others now; {remedy}"
    for cell in code:
        if any(output["output_type"] == "error" for output in cell["outputs"]):
            yield f"the outputs of cell {cell['id']} are those of an error; {remedy}"
        if any("text/html" in output.get("data", {}) and "text/plain" not in output["data"] for output in cell["outputs"]):
            yield f"an output of cell {cell['id']} cannot be read as plain text; let its view say it in words, too, and {remedy}"
        found = next(filter(None, map(_MACHINE.search, _texts(cell))), None)
        if found:
            yield f"the outputs of cell {cell['id']} name {found[0]}, a path of the machine they were made on; {remedy}"


def _texts(cell: Cell) -> Iterator[str]:
    """All texts in the outputs of a cell."""
    for output in cell.get("outputs", ()):
        parts = [output.get("text", ""), *output.get("data", {}).values(), output.get("evalue", ""), output.get("traceback", "")]
        yield from ("".join(part) for part in parts if isinstance(part, str | list))


def _source(cell: Cell) -> str:
    return "".join(cell["source"])


def main(files: list[str]) -> int:
    """Check these files and print their faults. Returns the exit status: 1 if any file has a fault, else 0."""
    found = [f"{file}: {fault}" for file in files for fault in faults(Path(file))]
    print("\n".join(found) or f"{len(files)} notebooks, no fault")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
