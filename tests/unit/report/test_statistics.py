"""The page of statistics and its charts: every figure with its number of runs, in words as well, and nothing where nothing is known."""

import re
from datetime import date, timedelta
from xml.etree import ElementTree

from rollback_lib.record.statistics import Statistics, statistics
from rollback_lib.report import figures, history
from rollback_lib.report.statistics import html
from rollback_lib.terminal.statistics import lines
from tests.builders.ran import ran

DAY = timedelta(days=1)
TODAY = date(2026, 11, 30)


def known() -> Statistics:
    runs = [ran(number * DAY, healthy=20.0 - number) for number in range(12)]
    runs += [ran(12 * DAY, verdict="failed-partly", procedure="env"), ran(12 * DAY, verdict="unknown", procedure="<b>env</b>")]
    runs += [ran(2 * DAY, practice=True, healthy=3.0, procedure="image"), ran(3 * DAY, verdict="not-ready", procedure="readiness")]
    return statistics(sorted(runs, key=lambda one: one.opened))


def label(svg: str) -> str:
    return ElementTree.fromstring(svg).attrib["aria-label"]


def test_each_chart_says_in_words_what_it_shows() -> None:
    one = known()
    assert label(history.healing(one.needed)) == "times to healthy; medians: code 14.5 s"
    assert label(history.needs(one.needed)) == "how often each procedure was needed: code 12, <b>env</b> 1, env 1"
    assert label(history.practice(one.days, TODAY)) == "of 91 days up to 2026-11-30: readiness on 1, 1 drill"


def test_there_is_no_chart_of_nothing() -> None:
    none = statistics([])
    assert [history.healing(none.needed), history.needs(none.needed), history.practice(none.days, TODAY)] == ["", "", ""]
    assert history.practice(known().days, date(2027, 6, 1)) == "", "what was long ago is not of late"
    page = html(none, today=TODAY)
    assert "No record." in page
    assert "<svg" not in page


def test_the_worst_time_is_within_its_lane() -> None:
    many = statistics([ran(number * timedelta(hours=1), healthy=float(number % 97)) for number in range(500)])
    svg = ElementTree.fromstring(history.healing(many.needed))
    dots = [float(dot.attrib["cy"]) for dot in svg.iter("{http://www.w3.org/2000/svg}circle")]
    assert len(dots) == history.DOTS
    assert min(dots) >= 0
    assert max(dots) <= float(svg.attrib["viewBox"].split()[3])


def test_the_page_needs_nothing_else_and_says_how_many_runs_are_behind_a_figure() -> None:
    page = html(known(), "shop", today=TODAY)
    assert not re.search(r"(src|href)=|<script", page)
    assert "<b>env</b>" not in page
    assert "Rollbacks of shop" in page
    assert "16 records, opened 2026-11-01 to 2026-11-13 (UTC)." in page
    assert "0 of 2 failures mended by a later run within a day." in page


def test_the_rows_tell_few_runs_and_unknown_times() -> None:
    one = known()
    rows = {row[0]: row[1:] for row in figures.usages((*one.needed, *one.drills))}
    assert rows["code"][5:7] == ("12", "14.5 s")
    assert rows["code"][8] == "faster: 17.5 s → 11.5 s"
    assert rows["env"] == ("1", "0", "0", "1", "0", "0", "–", "–", "–")
    assert rows["image"][5:] == ("1", "3.0 s", f"3.0 s ({one.drills[0].healing.incident})", "fewer than 10")


def test_a_terminal_has_the_newest_days_and_says_how_many_are_left_out() -> None:
    days = statistics([ran(number * DAY, verdict="ready", procedure="readiness") for number in range(20)])
    said = [line.text for line in lines(days)]
    assert next(text for text in said if text.startswith("2026")) == "2026-11-20  1      0          0       0"
    assert "… 6 older rows, with --json" in said
    assert "No run that was needed failed." in said
