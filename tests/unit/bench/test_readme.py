"""The tables of bench/README.md are made from bench/results.json."""

import re
from pathlib import Path

import pytest

from bench import readme
from bench.cases import CASES
from bench.results import FILE, Machine, Part, Results
from bench.rollbacks import OURS, PAGE
from bench.tables import TABLES, summary

MACHINE = Machine(cores=2, memory=24_152, kernel="6.1", docker="26.1", python="3.13.1")
PLACES = "# Speed\n\n" + "\n".join(f"<!-- {name} -->\n<!-- / -->\n" for name in TABLES)


def results(*parts: Part) -> Results:
    return Results(machine=MACHINE, parts=parts)


def part(case: str, round_trip: float = 0, **figures: dict[str, float]) -> Part:
    made = Part.of(case, round_trip, figures.items())
    return made.model_copy(update={"commit": "4eee26a", "at": made.at.replace(year=2026, month=11, day=29)})


def test_every_table_has_its_place_in_the_page() -> None:
    assert re.findall(r"<!-- (\w+) -->", readme.README.read_text()) == list(TABLES)


def test_the_page_has_what_was_measured() -> None:
    page = readme.README.read_text()
    assert readme.written(page, Results.load(FILE)) == page


def test_tables_without_figures_say_so() -> None:
    page = readme.written(PLACES, results())
    assert page.count("Not measured yet.") == len(TABLES) - 1
    assert "Measured on 2 cores and 24 GB, Linux 6.1, Docker 26.1, Python 3.13.1." in page


def test_a_table_is_replaced_and_the_rest_of_the_page_is_kept(tmp_path: Path) -> None:
    page, file = tmp_path / "README.md", tmp_path / "results.json"
    page.write_text("before\n<!-- traffic -->\nold\n<!-- / -->\nbetween\n<!-- memory -->\n<!-- / -->\nafter\n")
    results(part("traffic", page={"sent": 1733, "failed": 156}, rollback={"sent": 1117, "failed": 0})).save(file)
    for _ in range(2):  # once more changes nothing
        readme.main(file, page)
        assert page.read_text() == (
            "before\n<!-- traffic -->\n"
            "| Caddyfile, 200 requests a second, each over a connection of its own | sent | failed |\n| --- | --- | --- |\n"
            "| the runbook's restart | 1,733 | 156 |\n| this project's reload | 1,117 | 0 |\n\n"
            "Medians of 1 round; 2026-11-29, commit 4eee26a.\n<!-- / -->\n"
            "between\n<!-- memory -->\nNot measured yet.\n<!-- / -->\nafter\n"
        )


def test_a_marker_of_no_table_is_an_error() -> None:
    with pytest.raises(KeyError, match="weather"):
        readme.written("<!-- weather -->\n<!-- / -->\n", results())


def test_ratios_are_to_the_page_at_the_same_distance() -> None:
    near = part("code", page={"seconds": 2}, rollback={"seconds": 3}, fabric={"seconds": 1})
    far = part("code", 40, page={"seconds": 4, "round_trips": 40}, rollback={"seconds": 5, "round_trips": 12})
    lines = TABLES["peers"](results(near, far)).splitlines()
    assert "| the runbook's commands | 2.00 | 1.00 | 4.00 | 1.00 | 40 |" in lines
    assert "| **this project, record included** | 3.00 | 1.50 | 5.00 | 1.25 | 12 |" in lines
    assert "| Fabric | 1.00 | 0.50 | – | – | – |" in lines
    row = next(line for line in TABLES["rollbacks"](results(near, far)).splitlines() if line.startswith("| Code, cached"))
    assert row == "| Code, cached build | 2.00 | 3.00 | 1.50 | 4.00 | 5.00 | 1.25 | 12 |"


def test_a_restore_is_compared_with_that_of_the_same_backup() -> None:
    ours = {"restore": 14.8, "seconds": 27.3, "cut_off": 0.25, "rss_mb": 150.0, "pss_mb": 120.0}
    measured = part("database", **{"1 GB, custom, peer": {"restore": 14.1}, f"1 GB, custom, {OURS}": ours})
    assert "| 1 GB, custom | 14.1 s | 14.8 s | 1.05 | 27.3 s | 0.25 s | 120 MB |" in TABLES["database"](results(measured))


def test_the_summary_has_every_figure_with_its_range() -> None:
    measured = Part.of("env", 40, [(PAGE, {"seconds": 1.0, "round_trips": 30}), (PAGE, {"seconds": 2.0, "round_trips": 31})])
    assert summary(measured).splitlines() == [
        "env  page  seconds      1.50   1.00 to 2.00", "env  page  round_trips  30.50  30.00 to 31.00",
    ]  # fmt: skip


def test_every_case_has_its_time() -> None:
    assert all(case.minutes > 0 for case in CASES.values())
