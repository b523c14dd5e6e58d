"""The start page's charts of the past: those of the stack, and words where there is nothing to draw."""

from pathlib import Path

import pytest

from rollback_lib.notebook import start
from rollback_lib.record.folder import ROOT_VARIABLE
from rollback_lib.record.manifest import seal
from tests.builders.sealed import begin
from tests.builders.stack import STACK_FILE


def test_without_records_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    shown = start.history(str(STACK_FILE))
    assert "No rollback was needed yet." in str(shown)
    assert "Nothing was practised yet: no readiness run, and no drill." in str(shown)
    assert "<svg" not in shown._repr_html_()


def test_it_draws_what_is_of_the_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    for procedure, stack, more in (("env", "dyniq-voice", {}), ("image", "other", {}), ("code", "dyniq-voice", {"practice": True})):
        folder = begin(tmp_path, procedure=procedure, stack=stack)
        folder.write_record({**folder.record(), "verdict": "succeeded", "changed": True, "healthy_seconds": 4.0, "practice": False, **more})
        seal(folder.path, tmp_path, folder.record())
    shown = start.history(str(STACK_FILE))
    assert shown._repr_html_().count("<svg") == 3
    assert 'aria-label="how often each procedure was needed: env 1"' in shown._repr_html_()
    assert "Last practised on" in str(shown)
