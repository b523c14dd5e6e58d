"""The start page's charts of the past: those of the stack, and words where there is nothing to draw."""

import base64
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from rollback_lib.notebook import start
from rollback_lib.record.folder import ROOT_VARIABLE
from rollback_lib.record.manifest import seal
from tests.builders.sealed import begin
from tests.builders.stack import STACK_FILE


def test_without_records_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    shown = start.history(str(STACK_FILE))
    assert "No rollback was needed yet. Nothing was practised yet: no readiness run, and no drill." in str(shown)
    assert "<img" not in shown._repr_html_()


def test_it_draws_what_is_of_the_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an image with words, since JupyterLab shows no other drawing on a page that it does not trust."""
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    for procedure, stack, more in (("env", "dyniq-voice", {}), ("image", "other", {}), ("code", "dyniq-voice", {"practice": True})):
        folder = begin(tmp_path, procedure=procedure, stack=stack)
        folder.write_record({**folder.record(), "verdict": "succeeded", "changed": True, "healthy_seconds": 4.0, "practice": False, **more})
        seal(folder.path, tmp_path, folder.record())
    shown = start.history(str(STACK_FILE))
    data, said = re.findall(r'<img src="data:image/svg\+xml;base64,([^"]+)" alt="([^"]+)"', shown._repr_html_())[0]
    assert said.startswith("how often each procedure was needed: env 1; times to healthy; medians: env 4.0 s; of 91 days")
    drawn = ElementTree.fromstring(base64.b64decode(data))
    within = [one for one in drawn if one.tag.endswith("svg")]
    assert len(within) == 3
    ends = [int(one.attrib["y"]) + int(one.attrib["height"]) for one in within]
    assert ends == sorted(ends)
    assert ends[-1] == int(drawn.attrib["viewBox"].split()[3])
    assert "Last practised on" in str(shown)
