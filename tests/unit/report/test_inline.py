"""Short texts as HTML: code, times with that of this machine beside them, hashes with the whole on hover."""

import time
from collections.abc import Iterator

import pytest

from rollback_lib.report import inline

COMMIT = "db2f592e0cfa41b7a3d98c6e5f20b1748d9e3a65"


@pytest.fixture
def amsterdam(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Amsterdam")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_no_backtick_is_shown_as_such() -> None:
    assert inline.cell("run `docker image prune --all --force` & wait") == "run <code>docker image prune --all --force</code> &amp; wait"
    assert inline.sentence("a ` alone, <b>") == "a ` alone, &lt;b&gt;"


def test_a_hash_is_short_and_whole_on_hover() -> None:
    for written in (COMMIT, f"sha256:{COMMIT}{COMMIT[:24]}"):
        shown = inline.cell(f"from {written}")
        assert f'title="{written}"' in shown
        assert shown.endswith(">db2f592e0cfa…</span>")
    assert COMMIT in inline.cell(f"registry.example/web:{COMMIT}")


def test_the_time_of_this_machine_stands_beside(amsterdam: None) -> None:
    assert ">2026-11-24 03:12 UTC (04:12 CET)</span>" in inline.cell("since 2026-11-24 03:12 UTC")
    assert "2026-06-30 23:30:05 UTC (2026-07-01 01:30 CEST)" in inline.sentence("until 2026-06-30 23:30:05 UTC")
    assert "9999-99-99 99:99 UTC<" in inline.sentence("9999-99-99 99:99 UTC")
