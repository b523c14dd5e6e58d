"""Each widget says the same where there are none: in HTML without scripts, and in text. So it is in VS Code, Voilà and nbviewer."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import IPython.display
import pytest

from rollback_lib.notebook import display, follow_up
from rollback_lib.notebook.gate import Gate
from rollback_lib.notebook.live import Live
from rollback_lib.notebook.panel import Panel
from rollback_lib.notebook.picker import Picker
from rollback_lib.notebook.search import Search
from rollback_lib.notebook.view import note, table
from rollback_lib.record.folder import ROOT_VARIABLE
from rollback_lib.run.incident import Incident
from rollback_lib.runbook.still import WIDGET
from tests.builders.plans import echoing

SAID = table(("commit", "subject"), [("aaa", "Answer faster")])


def panel(incident: Incident) -> None:
    incident.confirm(echoing("aaa"), "contabo")
    with Panel(incident._run).shown():
        pass


def report(incident: Incident) -> None:
    (incident.opening.folder / "report.html").write_text("report")
    follow_up.lead_to_report(incident.opening.folder)


WIDGETS: dict[str, tuple[Callable[[Incident], Any], str]] = {
    "gate": (lambda _: Gate("contabo", "Type the host's name, contabo.", lambda: None), "Type the host's name, contabo."),
    "picker": (lambda _: Picker(SAID, ["aaa"], str).show(SAID), "Answer faster"),
    "live": (lambda _: Live("x", lambda: note("good", "Every route passes.")).show(), "Every route passes."),
    "search": (lambda _: Search("").show(), "No incident"),
    "panel": (panel, "of the budget of 60 s"),
    "report": (report, "report.html"),
}


@pytest.mark.parametrize("name", WIDGETS)
def test_a_widget_has_a_twin(name: str, incident: Incident, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, str]] = []
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "none"))
    monkeypatch.setattr(display, "interactive", lambda: True)
    monkeypatch.setattr(IPython.display, "display", lambda bundle, **_: shown.append(bundle))
    monkeypatch.setattr(IPython.display, "update_display", lambda bundle, **_: shown.append(bundle))
    make, said = WIDGETS[name]
    make(incident)
    assert WIDGET in shown[0]
    for bundle in shown:
        html, text = bundle["text/html"], bundle["text/plain"]
        assert said in " ".join(re.sub(r"<[^>]+>", "", html).replace("&#x27;", "'").split())
        assert said in " ".join(text.split())
        assert not re.search(r"<(script|style|button|input)|\bon\w+=", html)
