"""The picture of what a database loses: only tables that differ, with what is not known told as such."""

from typing import Any
from xml.etree import ElementTree

from rollback_lib.report.losses import SHOWN, found, picture

SHOWN_EVENT = {"event": "loss-shown", "lines": []}


def side(rows: int | None, newest: str | None = None, **more: Any) -> dict[str, Any]:
    return {"rows": rows, "newest": newest, "exact": True, "columns": ["id"], **more}


def looked(*tables: tuple[str, Any, Any], **more: Any) -> dict[str, Any]:
    listed = [{"table": name, "old": old, "new": new} for name, old, new in tables]
    return {"event": "looked", "found": {"name": "dyniq", "tables": listed, **more}}


def label(svg: str) -> str:
    return ElementTree.fromstring(svg).attrib["aria-label"]


def test_tables_that_differ_are_drawn_with_their_newest_moments() -> None:
    calls = ("public.calls", side(2325, "2026-11-30 11:18:32.7+00:00"), side(2300, "2026-11-30 10:49:45+00:00"))
    events = [looked(calls, ("same", side(5), side(5)), ("<b>", None, side(12)), ("big", side(9, exact=False), side(9)))]
    shown = picture(found([*events, SHOWN_EVENT, looked(("after the swap", side(1), side(2)))]))
    assert label(shown) == (
        "public.calls: 2,325 rows, newest 2026-11-30 11:18:32 before, 2,300 rows, newest 2026-11-30 10:49:45 in the backup; "
        "<b>: not there before, 12 rows in the backup; big: ≈ 9 rows before, 9 rows in the backup"
    )


def test_a_release_names_the_database_of_each_table() -> None:
    several = {"event": "looked", "found": {"databases": [looked(("calls", side(3), side(None)))["found"]], "notes": []}}
    (loss,) = found([several, SHOWN_EVENT])
    assert loss.table == "dyniq: calls"
    assert "rows not known" in label(picture([loss]))


def test_there_is_no_picture_where_nothing_was_shown_or_nothing_differs() -> None:
    assert picture(found([looked(("calls", side(3), side(2)))])) == ""
    assert picture(found([{"event": "looked", "found": "a sentence"}, SHOWN_EVENT])) == ""
    assert picture(found([looked(("same", side(5), side(5))), SHOWN_EVENT])) == ""


def test_of_many_tables_the_first_are_drawn_and_the_rest_counted() -> None:
    many = [(f"table_{number}", side(number + 1), side(0)) for number in range(SHOWN + 3)]
    shown = ElementTree.fromstring(picture(found([looked(*many), SHOWN_EVENT])))
    assert "3 more, in the timeline" in [text.text for text in shown.iter("{http://www.w3.org/2000/svg}text")]
