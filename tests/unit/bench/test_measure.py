"""Which cases are measured, and where."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from bench import measure
from bench.cases import CASES
from bench.results import Machine, Part, Results

MACHINE = Machine(cores=2, memory=24_000, kernel="6.1", docker="26.1", python="3.13.1")
Ran = list[tuple[str, float]]


class NoHost:
    def __init__(self, *_: object) -> None:
        pass

    def up(self) -> None:
        pass

    down = reset = up


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Ran:
    """The cases that are measured, with their distance. The case `env` fails."""
    cases: Ran = []

    def measured(name: str, _: Any, distance: float, rounds: int | None) -> Part:
        cases.append((name, distance))
        if name == "env":
            raise ValueError("no such thing")
        return Part.of(name, distance, [("page", {"seconds": 1.0})] * (rounds or 1))

    monkeypatch.setattr(Machine, "this", lambda: MACHINE)
    monkeypatch.setattr(measure, "PracticeHost", NoHost)
    monkeypatch.setattr(measure, "site", lambda *_: nullcontext())
    monkeypatch.setattr(measure, "measured", measured)
    return cases


def test_all_usual_cases_are_measured_and_some_of_them_far_away_too(ran: Ran, tmp_path: Path) -> None:
    measure.main(["--results", str(tmp_path / "results.json")])
    near, far = ([name for name, distance in ran if distance == at] for at in (0, 40))
    assert [name for name in CASES if name not in near] == ["database-10gb"]
    assert far == ["code", "image", "env", "caddyfile", "release", "start", "triage", "open"]


def test_a_distance_that_is_asked_for_is_that_of_every_case(ran: Ran, tmp_path: Path) -> None:
    measure.main(["kept", "start", "--round-trip", "100", "--results", str(tmp_path / "results.json")])
    assert ran == [("kept", 100), ("start", 100)]


def test_a_case_that_fails_does_not_stop_the_others(ran: Ran, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "results.json"
    assert measure.main(["code", "env", "image", "--round-trip", "0", "--rounds", "2", "--results", str(file)]) == 1
    assert [(part.case, part.figures("page", "seconds")) for part in Results.load(file).parts] == [("code", [1, 1]), ("image", [1, 1])]
    assert capsys.readouterr().err == "bench: env: ValueError: no such thing\n"


def test_help_lists_every_case_with_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        measure.main(["--help"])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [words[:3] for words in lines if words and words[0] in CASES] == [
        [name, f"{case.minutes:g}", "min"] for name, case in CASES.items()
    ]  # fmt: skip
