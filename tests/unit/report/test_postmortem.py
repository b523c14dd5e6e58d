"""The draft of a post-mortem: what the records know is in it, what they do not know is asked, and nothing is made up."""

import time
from collections.abc import Iterator
from pathlib import Path

import mistune
import pytest

from rollback_lib.record.folder import Folder
from rollback_lib.report import brief, postmortem
from rollback_lib.report.evidence import link, seal
from rollback_lib.report.markdown import words
from rollback_lib.report.postmortem import Around, Other
from tests.builders import sealed, stories
from tests.builders.stories import LOST, Record
from tests.unit.report import told

rendered = mistune.create_markdown(plugins=["table", "task_lists"])


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Amsterdam")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def draft(folder: Folder, around: Around = postmortem.ALONE) -> str:
    return postmortem.markdown(folder.record(), folder.events(), folder.path, around)


def part(text: str, heading: str) -> list[str]:
    """The lines under a heading."""
    found = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [line for line in found.splitlines() if line]


def test_what_users_saw_tells_what_failed_before_from_what_the_run_made_fail(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.confirmed()
    record.begin(stories.TREE)
    record.probe("ruben-api", ok=False)
    record.end(stories.TREE)
    record.probe("ruben-api")
    rows = part(draft(record.close("failed-partly", "x", 5)), "What users saw")
    assert rows[2].startswith("| agents-api | before us | 2026-11-24 03:12:06 at the latest | not by the end of these records | ")
    assert rows[2].endswith(r'| 500 {"error": "KeyError"} |')
    assert rows[3].startswith("| ruben-api | by the rollback | 2026-11-24 03:12:")
    assert rows[-1].startswith("> **Open question:** What did users notice")


def test_earlier_runs_at_the_outage_are_told_and_their_probes_count(tmp_path: Path) -> None:
    triage, failed = stories.diagnosed(tmp_path / "a"), stories.failed(tmp_path / "b")
    summary = {**triage.record(), "incident": "1a2b3c", "opened": "2026-11-24T03:10:00+00:00"}
    gone = {
        "incident": "0ldone",
        "procedure": "env",
        "mode": "apply",
        "verdict": "failed-restored",
        "reason": "x",
        "opened": "2026-11-24T03:00:00+00:00",
    }
    text = draft(failed, Around([Other(gone), Other(summary, triage.events())]))
    rows = part(text, "What was tried")
    assert [row.split(" | ")[1] for row in rows[2:5]] == ["0ldone", "1a2b3c", "**3f2a9c**"]
    assert "| env |  | failed-restored | x |" in rows[2]
    assert any("triage 1a2b3c: verdict looked" in row for row in part(text, "Timeline"))
    alone = part(draft(failed), "What was tried")
    assert "Only this run: `rollback incidents postmortem` adds the others at the same outage." in alone


def test_what_is_not_known_is_asked_and_not_made_up(tmp_path: Path) -> None:
    folder = stories.planned(tmp_path)
    text = draft(folder)
    assert "nothing by this run: it changed nothing that serves" in text
    assert "| Time to healthy | not known |" in text
    assert text.count("> **Open question:**") == 4
    (folder.path / "plan.json").unlink()
    failed = stories.failed(tmp_path / "b")
    assert f"- {words(LOST)}" in part(draft(failed), "What the run changed, and what was lost")
    (failed.path / "plan.json").unlink()
    assert "- what the plan says is lost is not known: plan.json cannot be read" in draft(failed)


def test_losses_are_told_with_who_accepted_them(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.confirmed()
    record.event("loss-shown", plan="p", loss="one", restored=True, lines=["public.calls: 25 rows fewer"])
    record.event("accepted", plan="p", loss="one", by="person", who="ada@laptop")
    record.begin(stories.TREE)
    found = part(draft(record.close("succeeded", "x", 0)), "What the run changed, and what was lost")
    assert found[0] == "- lost, and accepted by ada@laptop: public.calls: 25 rows fewer"


def test_what_is_open_in_the_checklist_is_left_to_do(tmp_path: Path) -> None:
    left = part(draft(stories.applied(tmp_path)), "What is left to do")
    assert "- [ ] Still open in the checklist: Is everyone affected told? nobody is notified" in left
    assert left[0] == "- [ ] HEAD is detached at the target: the next `git pull` on the host stops with a message."
    assert left[-1] == "- [ ] Mend the cause. _Say here how, who does it, and until when._"


def test_the_local_time_stands_beside_utc(tmp_path: Path, zone: None) -> None:
    rows = part(draft(stories.applied(tmp_path)), "Timeline")
    assert rows[0] == "| UTC, 2026-11-24 | CET, 2026-11-24 | what happened |"
    assert rows[2] == "| 03:12:04 | 04:12:04 | me@laptop opened it, mode apply |"


def test_the_record_its_seal_and_its_picture_are_named(tmp_path: Path) -> None:
    folder = sealed.record(tmp_path / "records here")
    said = seal(folder.path)
    assert said.startswith("SHA-256 of its manifest.json: `")
    where = link(folder.path, tmp_path / "drafts" / "x.md")
    text = draft(folder, Around([], where, said, ["x.svg"]))
    assert f"| Record | [{folder.path.name}](../records%20here/" in text
    assert f"| Seal | {said} |" in text
    assert '<img src="x.svg" alt="Routes over time: not known: no route was asked"' in str(rendered(text))
    assert link(folder.path, tmp_path, "s3://bucket/x", {"bundle": "2026/a.tar.gz"}) == r"s3\://bucket/x/2026/a.tar.gz"
    assert seal(tmp_path) == ""
    assert "the record is sealed after this draft is written" in draft(folder)


def test_no_secret_is_in_it(tmp_path: Path) -> None:
    assert told.SECRET not in draft(told.failed(tmp_path))


HEALTHY = "brought every route to health 8.0 s after it was confirmed"
ITSELF = "and made no route fail itself"
SHORT = {
    stories.applied: f"until 2026-11-24 03:12:18 UTC. The code rollback {HEALTHY}, {ITSELF}.",
    stories.failed: f"and was not healthy by the end. The code rollback failed, left the stack changed in part, {ITSELF}.",
    stories.planned: "and was not healthy by the end. The code rollback was planned, and changed nothing.",
}


@pytest.mark.parametrize(("make", "said"), SHORT.items())
def test_two_sentences_say_what_happened(tmp_path: Path, make: object, said: str) -> None:
    folder = make(tmp_path)  # type: ignore[operator]
    began = "agents-api failed from 2026-11-24 03:12:06 UTC at the latest, "
    assert brief.sentences(folder.record(), folder.events()) == began + said


@pytest.mark.parametrize(("text", "shown"), [
    ("run `a b`, then *c*", r"run `a b`, then \*c\*"), ("`a|b` and `<c`", r"a\|b and \<c"), ("one ` only", r"one \` only"), ("``", ""),
])  # fmt: skip
def test_code_stays_code_unless_it_could_end_early(text: str, shown: str) -> None:
    assert words(text) == shown
