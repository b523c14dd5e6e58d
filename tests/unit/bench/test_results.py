"""The figures of the bench, kept as JSON."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from bench.results import Machine, Part, Results
from rollback_lib.errors import LabError

MACHINE = Machine(cores=2, memory=24_000, kernel="6.1", docker="26.1", python="3.13.1")


def part(case: str, round_trip: float, *seconds: float) -> Part:
    return Part.of(case, round_trip, [("page", {"seconds": one}) for one in seconds])


def test_every_figure_comes_back_from_the_file(tmp_path: Path) -> None:
    taken = [("page", {"seconds": 1.5}), ("rollback", {"seconds": 2.5, "round_trips": 12}), ("page", {"seconds": 1.25})]
    results = Results(machine=MACHINE).with_part(Part.of("code", 40, taken))
    results.save(tmp_path / "results.json")
    assert Results.load(tmp_path / "results.json") == results
    measured = results.part("code", 40)
    assert measured
    assert measured.measured == {"page": {"seconds": [1.5, 1.25]}, "rollback": {"seconds": [2.5], "round_trips": [12]}}
    assert (measured.median("page", "seconds"), measured.median("page", "round_trips"), measured.rounds) == (1.375, None, 2)


def test_what_is_measured_again_takes_the_place_of_what_was_there() -> None:
    results = Results(machine=MACHINE)
    for one in (part("code", 0, 1), part("code", 40, 2), part("env", 0, 3), part("code", 0, 4)):
        results = results.with_part(one)
    assert [(one.case, one.round_trip, one.figures("page", "seconds")) for one in results.parts] == [
        ("code", 0, [4]), ("code", 40, [2]), ("env", 0, [3]),
    ]  # fmt: skip


def test_figures_of_two_machines_are_not_mixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Machine, "this", lambda: MACHINE)
    file = tmp_path / "results.json"
    assert Results.continued(file).parts == ()
    results = Results(machine=MACHINE).with_part(part("env", 0, 1))
    results.save(file)
    assert Results.continued(file) == results
    results.model_copy(update={"machine": MACHINE.model_copy(update={"cores": 64})}).save(file)
    with pytest.raises(LabError, match="measured on another machine"):
        Results.continued(file)


def test_a_file_with_anything_else_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    Results(machine=MACHINE).save(file)
    file.write_text(file.read_text().replace('"cores"', '"cpus"'))
    with pytest.raises(ValidationError):
        Results.load(file)
