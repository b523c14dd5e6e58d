"""Two records beside each other: what differs is told by name, what is the same is only counted, and no secret comes in."""

from dataclasses import replace
from pathlib import Path

import pytest

from rollback_lib.commands.command import Command
from rollback_lib.report.comparison import Comparison, compare
from rollback_lib.terminal import comparison as shown
from rollback_lib.terminal.line import Tone
from tests.builders import stories
from tests.builders.stories import PLAN, RECREATE, Record
from tests.unit.report import told


def differences(known: Comparison, title: str) -> dict[str, tuple[str, str]]:
    part = next(part for part in known.parts if part.title == title)
    return {one.name: (one.first, one.second) for one in part.differences}


@pytest.fixture
def known(tmp_path: Path) -> Comparison:
    """A plan that was only looked at, and the run that failed in the midst of it."""
    return compare(stories.planned(tmp_path / "a"), stories.failed(tmp_path / "b"))


def test_what_differs_is_told_by_its_name(known: Comparison) -> None:
    assert differences(known, "Run") == {"mode": ("plan", "apply")}
    outcome = differences(known, "Outcome")
    assert outcome["verdict"] == ("planned", "failed-partly")
    assert outcome["the stack was changed"] == ("no", "yes")
    steps = differences(known, "How long each step took, and how far it came")
    assert steps["keep"] == ("not begun", "done, 1.0 s")
    assert steps["restore_tree"] == ("not begun", "failed, it may be half done, 1.0 s")


def test_what_is_the_same_is_counted_and_named_once(known: Comparison) -> None:
    assert differences(known, "Plan: steps and commands") == {}
    assert next(part for part in known.parts if part.title == "Plan: steps and commands").same == 4
    assert next(part for part in known.parts if part.title == "What the host answered").same > 0
    said = [line.text for line in shown.lines(known)]
    assert said[-1] == "The same in both: Routes; Plan: steps and commands; What the host answered."


def test_of_a_step_only_the_commands_that_differ_are_told(tmp_path: Path) -> None:
    first, second = stories.planned(tmp_path / "a"), stories.planned(tmp_path / "b")
    other = replace(RECREATE, commands=(*RECREATE.commands, Command.of("docker", "ps", PLAN.incident)))
    plan = replace(PLAN, steps=(*PLAN.steps[:2], other), undo=(replace(PLAN.undo[0], skip="the tree stays"),))
    second.write("plan.json", plan.json())
    assert differences(compare(first, second), "Plan: steps and commands") == {
        "recreate": ("", "docker ps INCIDENT"),
        "undo, undo_tree": ("git switch main", "not needed: the tree stays"),
    }
    (second.path / "plan.json").unlink()
    found = differences(compare(first, second), "Plan: steps and commands")
    assert (list(found), found["keep"][1]) == (["keep", "restore_tree", "recreate", "undo, undo_tree"], "")


def test_a_plan_of_another_version_is_not_compared_and_all_else_is(tmp_path: Path) -> None:
    first, second = stories.planned(tmp_path / "a"), stories.failed(tmp_path / "b")
    first.write("plan.json", '{"format": 1}')
    known = compare(first, second)
    (part,) = (part for part in known.parts if part.said)
    assert part.said.startswith("not compared: the plan in this record is from another version")
    assert differences(known, "Run") == {"mode": ("plan", "apply")}


def test_parameters_and_facts_are_compared_by_their_paths(tmp_path: Path) -> None:
    records = []
    for name, image in (("a", "one"), ("b", "two")):
        record = Record(tmp_path / name, target=name, **({"database": "voice"} if name == "a" else {}))
        record.event("facts", answers=[{"asked": "docker\n  ps", "found": [{"name": "api", "image": image, "ports": [1, 2]}, None]}])
        records.append(record.folder)
    known = compare(*records)
    assert differences(known, "Parameters") == {"target": ("a", "b"), "database": ("voice", "")}
    assert differences(known, "What the host answered") == {"docker ps[api].image": ("one", "two")}


def test_a_terminal_shows_the_first_in_red_and_the_second_in_green_with_their_signs(known: Comparison) -> None:
    lines = list(shown.lines(known))
    assert {(line.name, line.tone) for line in lines if line.name} == {("- ", Tone.REMOVED), ("+ ", Tone.ADDED)}
    assert (lines[0].text, lines[0].tone) == (f"- {known.first}", Tone.REMOVED)
    many = replace(known.parts[0], differences=tuple(replace(known.parts[0].differences[0], first="x\n" * 50) for _ in range(50)))
    said = [line.text for line in shown.lines(Comparison("a", "b", (many,)))]
    assert said.count("… 38 more lines with --json") == shown.ROWS
    assert any(text.startswith("… 30 more differences with --json") for text in said)


def test_no_secret_is_in_it(tmp_path: Path) -> None:
    known = compare(told.failed(tmp_path / "a"), told.looked(tmp_path / "b"))
    assert told.SECRET not in str(known.data())
