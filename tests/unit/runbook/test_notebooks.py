"""The notebooks are fit to be committed, and the checker sees each fault that one can have."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from nbval.plugin import get_sanitize_patterns

from lab import reference
from lab.check import faults
from rollback_lib.runbook.metadata import mark_reviewed, read
from rollback_lib.settings import PROJECT

NOTEBOOKS = sorted((PROJECT / "notebooks").glob("[0-9]*.ipynb"))
START = PROJECT / "notebooks" / "start.ipynb"
CODE = PROJECT / "notebooks" / "01_code.ipynb"
Content = dict[str, Any]


@pytest.mark.parametrize("file", [*NOTEBOOKS, START], ids=lambda file: file.name)
def test_a_notebook_has_no_fault(file: Path) -> None:
    assert faults(file) == []


def test_every_notebook_has_a_drill_to_be_recorded_in() -> None:
    assert set(reference.RECORDED) == {read(file).procedure for file in NOTEBOOKS}


def cell(content: Content, name: str) -> Content:
    return next(one for one in content["cells"] if one["id"] == name)


def says(content: Content, words: str) -> None:
    cell(content, "code-13")["outputs"] = [{"output_type": "stream", "name": "stdout", "text": [words]}]


def runs(content: Content, source: str) -> None:
    cell(content, "code-13")["source"] = [source]
    content["metadata"]["rollback"]["recorded"] = reference.made_with("code", content)


def tells(content: Content, line: str) -> None:
    cell(content, "code-02")["source"].append(f"\n{line}")
    content["metadata"]["rollback"]["recorded"] = reference.made_with("code", content)


def untagged(content: Content) -> None:
    cell(content, "code-02").update(metadata={}, source=['stack: str = "production"  # a name in parameters/'])
    content["metadata"]["rollback"]["recorded"] = reference.made_with("code", content)


def without_outputs(content: Content) -> None:
    for one in content["cells"]:
        if one["cell_type"] == "code":
            one |= {"outputs": [], "execution_count": None}


# Assembled here, so that no file of the project has anything that looks like one.
SECRETS = {
    "a key of an API": "sk-" + "a1B2c3D4" * 3,
    "a token of GitHub": "gh" + "p_" + "a1B2c3D4" * 4,
    "a private key": "-----BEGIN OPENSSH " + "PRIVATE KEY-----\nb3Blbn\n",
    "a password": "PASS" + "WORD=hunter2",
    "user and password in an address": "postgresql://" + "voice:hunter2" + "@db/voice",
    "a user in an address": "https://" + "d41d8cd98f00b204" + "@registry.example/v2",
}
SECRET = "cell code-13 has what looks like a secret"
FAULTS: dict[str, tuple[Callable[[Content], object], str]] = {
    **{name: (lambda content, words=words: says(content, words), SECRET) for name, words in SECRETS.items()},
    "a secret in code": (lambda content: runs(content, 'tok' + 'en = "d41d8cd98f00b204"'), SECRET),
    "a shell line": (lambda content: runs(content, "!docker ps"), "cell code-13: '!docker ps' is a command of IPython"),
    "a magic": (lambda content: runs(content, "now\n  %time now"), "cell code-13: '%time now' is a command of IPython"),
    "a long cell": (lambda content: runs(content, "\n".join(["now"] * 9)), "cell code-13 has 9 lines, more than 8"),
    "no tag": (untagged, "0 cells have the tag parameters"),
    "a parameter without a comment": (lambda content: tells(content, 'x: str = ""'), "a parameter has a type, a value and a comment"),
    "a parameter without a type": (lambda content: tells(content, 'x = ""  # x'), "a parameter has a type, a value and a comment"),
    "another heading": (lambda content: cell(content, "code-24").update(source=["## Later"]), "its headings are Parameters, 1 Open"),
    "no owner": (lambda content: content["metadata"]["rollback"].pop("doc_owner"), "the key 'doc_owner' is missing"),
    "another procedure": (lambda content: content["metadata"]["rollback"].update(procedure="x"), "there is no drill of 'x'"),
    "no outputs": (without_outputs, "it has no outputs of a drill"),
    "a cell that did not run": (lambda content: cell(content, "code-13").update(execution_count=None), "it has no outputs of a drill"),
    "other code": (lambda content: cell(content, "code-13").update(source=["now"]), "its outputs are out of date"),
    "another tag": (lambda content: cell(content, "code-13").update(metadata={"tags": ["nbval-skip"]}), "its outputs are out of date"),
    "another scenario": (lambda content: content["metadata"]["rollback"]["recorded"].update(scenario="env"), "its outputs are out of date"),
    "an error": (
        lambda content: cell(content, "code-13").update(
            outputs=[{"output_type": "error", "ename": "Refused", "evalue": "no", "traceback": ["\x1b[31mRefused\x1b[0m: no"]}]
        ),
        "the outputs of cell code-13 are those of an error",
    ),
    "nothing in plain text": (
        lambda content: cell(content, "code-13").update(
            outputs=[{"output_type": "display_data", "metadata": {}, "data": {"text/html": ["<b>ok</b>"]}}]
        ),
        "an output of cell code-13 cannot be read as plain text",
    ),
    "a path of the machine": (lambda content: says(content, "record /home/me/incidents"), "name /home/me/incidents, a path of the machine"),
    "too much": (lambda content: says(content, "x" * 200_000), "more than 200000; let its outputs say less"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_said(tmp_path: Path, name: str) -> None:
    make, said = FAULTS[name]
    content = json.loads(CODE.read_text())
    make(content)
    file = tmp_path / CODE.name
    file.write_text(reference.layout(content))
    found = faults(file)
    assert len(found) == 1, found
    assert said in found[0]


@pytest.mark.parametrize("text", ['{"cells"', "{}", "[]"])
def test_what_is_no_notebook_is_said(tmp_path: Path, text: str) -> None:
    file = tmp_path / "01_code.ipynb"
    file.write_text(text)
    found = faults(file)
    assert len(found) == 1
    assert found[0].startswith("it cannot be read as a notebook of this project: ")


def test_another_layout_is_said(tmp_path: Path) -> None:
    file = tmp_path / CODE.name
    file.write_text(CODE.read_text().rstrip("\n"))
    found = faults(file)
    assert len(found) == 1
    assert found[0].startswith("it is not laid out as the others are; write it with")


def test_a_start_page_with_what_a_stack_was_like_is_said(tmp_path: Path) -> None:
    content = json.loads(START.read_text())
    cell(content, "start-04")["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["all is well"]}]
    file = tmp_path / START.name
    file.write_text(reference.layout(content))
    assert faults(file) == ["it has outputs, which are of one stack at one moment; clear them all"]


def test_it_can_be_asked_by_people(tmp_path: Path) -> None:
    bad = tmp_path / CODE.name
    bad.write_text(CODE.read_text().replace("## 7 Verify", "## 7 See"))
    done = subprocess.run([sys.executable, "-m", "lab.check", CODE, bad], cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 1
    assert [line.partition(": ")[0] for line in done.stdout.splitlines()] == [str(bad)]
    assert subprocess.run([sys.executable, "-m", "lab.check", CODE], cwd=PROJECT, capture_output=True).returncode == 0


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.name)
def test_a_review_is_noted_beside_the_outputs(tmp_path: Path, file: Path) -> None:
    content = json.loads(file.read_text())
    code = next(one for one in content["cells"] if one["cell_type"] == "code")
    code["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ['{"reviewed": "2020-01-01"}']}]
    copy = tmp_path / file.name
    copy.write_text(reference.layout(content))
    mark_reviewed(read(copy), date(2027, 1, 2))
    content["metadata"]["rollback"]["reviewed"] = "2027-01-02"
    assert json.loads(copy.read_text()) == content


@pytest.mark.parametrize(
    ("words", "others"),
    [
        ("✔ Verdict: succeeded.", "✘ Verdict: failed-partly."),
        ("✔ Verified: the effect is", "✘ Not verified: the effect is"),
        ("state of the container  running       running       ✔", "state of the container  running       exited        ✘"),
        ("route agents-api  ✘ 500 in 37 ms", "route agents-api  ✔ 200 in 37 ms"),
        ("0b13648 Stream answers word by word", "c3bca53 Say which model answers"),
        ("budget      60 s", "budget      90 s"),
        ("0.4 s of 60 s used", "0.4 s of 90 s used"),
        ("within the budget of 60 s", "over the budget of 60 s"),
        ("host        contabo", "host        production"),
        ("docker tag a b", "docker rmi a b"),
        ("public.calls  2,325", "public.calls  2,300"),
        ("DATABASE_URL  77 bytes, #6d79f292", "DATABASE_URL  78 bytes, #6d79f292"),
        ("ERROR /health: KeyError: 'STREAM_URL'\n", "ERROR /health: KeyError: 'MODEL'\n"),
        ("✔ green  memory", "▲ amber  memory"),
    ],
)  # fmt: skip
def test_what_is_taken_out_before_outputs_are_compared_leaves_what_they_say(words: str, others: str) -> None:
    assert sanitised(words) != sanitised(others)


@pytest.mark.parametrize(
    ("words", "others"),
    [
        ("✔ done in 0.1 s; 0.4 s of 60 s used", "✔ done in 12.3 s; 14.0 s of 60 s used"),
        ("record  incidents/2026/11/23/232853Z-code-4a8075", "record  /srv/x/2027/01/02/000000Z-code-123456"),
        ("who         operator@laptop", "who         root@vm-1"),
        ("ERROR /health: KeyError: 'A'\n", "ERROR /health: KeyError: 'A'\nERROR /health: KeyError: 'A'\n"),
        ('<pre>{"level":"info"}\n{"level":"warn"}</pre>', '<pre>{"level":"info"}</pre>'),
        ("4 s ago  x", "0.8 h ago   x"),
        ("passed. Outage: a-b failing since 03:12:04 UTC at least, healthy at 03:14:10; none by the rollback itself.</div>",
         "passed. Outage: a-b down 1.1 s by the rollback (the longest of 2 routes).</div>"),
    ],
)  # fmt: skip
def test_what_differs_from_run_to_run_is_taken_out(words: str, others: str) -> None:
    assert sanitised(words) == sanitised(others)


def sanitised(text: str) -> str:
    """As nbval does it."""
    import re

    for pattern, instead in get_sanitize_patterns((PROJECT / "tests" / "nbval.cfg").read_text()):
        text = re.sub(pattern, instead, text)
    return text
