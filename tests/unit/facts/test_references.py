"""Values by reference: taken from here and from the host, hidden from then on."""

from pathlib import Path

import pytest

from rollback_lib.facts import references
from rollback_lib.facts.live import LiveHost
from rollback_lib.secrets.redactor import HIDDEN, Redactor
from rollback_lib.secrets.secret import Key, Secret
from tests.builders.recorded import Here


def test_they_are_found_where_the_reference_says_and_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "correct-horse")
    monkeypatch.delenv("SHOP_NONE", raising=False)
    (tmp_path / "key").write_text("battery-staple\n")
    redactor = Redactor()
    here, there, gone = "env:SHOP_TOKEN", f"file:{tmp_path}/key", f"file:{tmp_path}/none"
    found = references.values(LiveHost(Here(), redactor, Key()), [here, there, here, gone, "env:SHOP_NONE", f"file:{tmp_path}"])
    assert found == {here: Secret("correct-horse"), there: Secret("battery-staple")}
    assert redactor.hide("correct-horse battery-staple") == f"{HIDDEN} {HIDDEN}"


def test_nothing_is_asked_where_there_is_no_reference() -> None:
    class Silent(Here):
        def run_all(self, scripts: object) -> list:
            raise AssertionError(scripts)

    assert references.values(LiveHost(Silent(), Redactor(), Key()), []) == {}
