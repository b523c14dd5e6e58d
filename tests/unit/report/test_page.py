"""The report of a record is complete: verdict first, all that was known, and no secret."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from rollback_lib.record.verdict import Verdict
from rollback_lib.report import page, postmortem
from rollback_lib.report.head import Head
from rollback_lib.secrets.redactor import HIDDEN
from rollback_lib.settings import version
from rollback_lib.terminal import story
from tests.unit.report import told

HEADINGS = [
    "Steps, health and budget", "What is left to do", "After: asked for and found", "The checklist before it", "How far it came", "Before",
    "Timeline (UTC)", "Commands that ran on the host", "What was planned",
]  # fmt: skip


class Shown(HTMLParser):
    """What a page shows: its headings, and the cells of the tables under each."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.rows: dict[str, list[list[str]]] = {}
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in ("h2", "td", "th"):
            self._in = tag
        if tag == "h2":
            self.headings.append("")
        if tag == "tr":
            self.rows.setdefault(self.headings[-1], []).append([])
        if tag in ("td", "th"):
            self.rows[self.headings[-1]][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("h2", "td", "th"):
            self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in == "h2":
            self.headings[-1] += data
        elif self._in:
            self.rows[self.headings[-1]][-1][-1] += data


@pytest.fixture
def report(tmp_path: Path) -> str:
    folder = told.failed(tmp_path)
    return page.html(folder.record(), folder.events(), folder.path)


def test_the_verdict_comes_first_and_says_why_and_of_what(report: str) -> None:
    head = report[report.index("<body>") : report.index("</header>")]
    assert head.startswith('<body>\n<header class="bad"><h1>Verdict: failed-partly</h1>')
    assert f"exit status 1 ({HIDDEN}); the host is changed in part: <code>rollback resume 3f2a9c</code> continues from there</p>" in head
    assert "<p>Why it was run: every call answers 500</p>" in head
    facts = "procedure: code · stack: dyniq-voice · host: contabo · who: operator@laptop · mode: apply · incident: 3f2a9c"
    assert f"<small>{facts} · 36.0 s of 60 s · written: 2026-11-24 03:12 UTC · rollback-runbooks {version()}</small>" in head


def test_everything_that_was_known_is_in_it(report: str) -> None:
    shown = Shown(report)
    assert shown.headings == HEADINGS
    assert shown.rows["How far it came"][1:] == [
        ["keep", "done", "1.4 s"], ["restore_tree", "done", "0.6 s"],
        ["recreate", "failed, it may be half done: exit status 1", "17.8 s"],
    ]  # fmt: skip
    assert shown.rows["After: asked for and found"][1:] == [
        [name, asked, found, "✔" if ok else "✘"] for name, asked, found, ok in told.EFFECTS
    ]  # fmt: skip
    assert shown.rows["Before"] == [["commit", told.NOW], ["image", told.IMAGE]]
    assert [row[0] for row in shown.rows["The checklist before it"][1:]] == ["✔ answered"] * 3 + ["▲ open"]
    happened = shown.rows["Timeline (UTC)"]
    assert happened[0] == ["03:12:04.000", "operator@laptop opened it, mode apply"]
    assert happened[-1] == ["03:12:40.000", "verdict failed-partly"]
    assert ["03:12:31.250", "step recreate ends, exit status 1"] in happened
    assert "Outage: agents-api failing since 03:12:05 UTC at least, healthy at 03:12:34; none by the rollback itself." in report


def test_the_commands_that_ran_are_in_it_with_what_they_said_and_the_plan(report: str) -> None:
    folds = dict(re.findall(r"<details><summary>(.*?)</summary>(.*?)</details>", report, re.DOTALL))
    assert list(folds) == [
        "keep: done", "restore_tree: done", "recreate: exit status 1", "The plan (plan.sh)", "The way back (undo.sh)",
    ]  # fmt: skip
    for step in (told.KEEP, told.RESTORE, told.RECREATE):
        (ran,) = (text for title, text in folds.items() if title.startswith(f"{step.name}:"))
        assert f"<pre>{step.commands[0]}\ndocker login -p {HIDDEN}</pre>" in ran
    said = f"Container docker-agents-api-1  Recreate\nError: DATABASE_URL=postgres://{HIDDEN}@postgres/dyniq is refused"
    assert f"<p>It said at its end:</p><pre>{said}</pre>" in folds["recreate: exit status 1"]
    assert "<caption><code>agents_api/server.py</code> +1 −1</caption>" in report
    assert '<tr class="changed"><td class="before">−     return {&#34;status&#34;: &#34;ok&#34;' in report


def test_no_secret_is_in_it_and_nothing_of_ours_is_shown_with_its_backticks(report: str) -> None:
    assert told.SECRET not in report
    assert report.count(HIDDEN) == 6
    assert "`" not in report


def test_what_a_triage_found_is_in_its_report(tmp_path: Path) -> None:
    folder = told.looked(tmp_path)
    text = page.html(folder.record(), folder.events(), folder.path)
    shown = Shown(text)
    assert '<header class="info"><h1>Verdict: looked</h1>' in text
    assert shown.rows["Which row of the page fits"][1:] == [
        ["✔ fits", "A bad commit was deployed", "the deploy came 3 min before the first 500; its log says KeyError", ""],
        ["✘ does not fit", "The env file was changed", "", "last changed 2026-10-02 08:00 UTC"],
    ]
    assert [row[0] for row in shown.rows["How it is"][1:]] == ["✔ green", "▲ amber", "✘ red"]
    assert "<code>docker image prune</code>" in text


def test_only_what_is_longer_than_a_commit_is_broken_within_a_word(report: str) -> None:
    assert f'<td class="long">{told.IMAGE}</td>' in report
    assert f"<td>{told.TARGET}</td>" in report


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_a_level(verdict: Verdict) -> None:
    assert Head.of({"verdict": verdict, "reason": ""}, "").level == verdict.level
    assert verdict.level in ("good", "info", "warn", "bad")
    assert (verdict.level == "bad") == (verdict.status > 4)


def test_a_verdict_that_nobody_knows_is_shown_as_it_is() -> None:
    assert Head.of({"verdict": "so so", "reason": ""}, "").level == "info"


def test_that_it_went_on_without_an_approval_comes_first(tmp_path: Path) -> None:
    record = {"break_glass": "nobody <answers>", "verdict": "succeeded", "reason": "healthy", "procedure": "code"}
    events = [
        {"at": "2026-11-24T03:12:04+00:00", "event": "break-glass", "plan": "1", "reason": "nobody <answers>", "needs": "x", "who": "me"}
    ]
    html = page.html(record, events, tmp_path)
    assert html.index("WITHOUT APPROVAL: nobody &lt;answers&gt;") < html.index("<h1>Verdict")
    lines = [line for line in postmortem.markdown(record, events, tmp_path).splitlines() if line.startswith("| ")]
    assert lines[1].startswith("| Without approval | **nobody ")
    line = next(iter(story.tell(tmp_path, events)))
    assert line.text == "WITHOUT APPROVAL, though x: nobody <answers>"


def test_two_sentences_stand_first_and_a_page_without_a_rollback_has_none(report: str, tmp_path: Path) -> None:
    before = "agents-api failed from 2026-11-24 03:12:05 UTC at the latest, until 2026-11-24 03:12:34 UTC."
    then = "The code rollback failed, left the stack changed in part, and made no route fail itself."
    assert f'<p class="brief">{before} {then}</p>' in report
    folder = told.looked(tmp_path / "looked")
    assert 'class="brief"' not in page.html(folder.record(), folder.events(), folder.path)
