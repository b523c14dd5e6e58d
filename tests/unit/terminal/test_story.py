"""What a run shows says all that a person needs, on terminals of any width, with and without colours, and in a log."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from rollback_lib.record.folder import Folder
from rollback_lib.terminal.ended import Ended
from rollback_lib.terminal.line import SIGNS
from rollback_lib.terminal.printer import Plain, Pretty, Printer
from rollback_lib.terminal.story import Story, tell
from tests.builders import stories
from tests.builders.stories import DIFF, ID, LOST, PLAN, TARGET, WHY, Record

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
BOXES = re.compile("[\u2500-\u259f]")
WIDTHS = (60, 80, 140)


def shown(folder: Folder, width: int | None, *, colour: bool = False) -> str:
    """All that is shown of a run; `width` None is a log."""
    file = io.StringIO()
    to: Printer = Plain(file)
    if width:
        to = Pretty(Console(file=file, width=width, force_terminal=True, color_system="standard" if colour else None))
    story = Story(folder.path, lambda *_: {"restore_tree": 1.25})
    for event in folder.events():
        to.show(story.tell(event))
    to.show(Ended(folder).lines())
    return file.getvalue()


def words(text: str) -> str:
    """Without colours and line ends, as a person reads on."""
    return " ".join(ESCAPE.sub("", text).split())


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("width", [None, *WIDTHS])
def test_a_plan_shows_what_would_be_done_and_why(tmp_path: Path, width: int | None, colour: bool) -> None:
    said = words(shown(stories.planned(tmp_path), width, colour=colour))
    for command in (one for step in PLAN.steps for one in step.script):
        assert words(command.shell()) in said
    assert f"{TARGET} chosen: {WHY}" in said
    assert "plan only, nothing is changed" in said
    assert "agents-api fails, 500" in said
    assert "docker-agents-api-1 exited, started 2026-11-24 02:00 UTC, 2 restarts" in said
    assert "usually 1.2 s. HEAD becomes the target." in said
    assert "usually 13 s, in 2 runs" in said
    assert "▲ people Is everyone affected told? open: nobody is notified" in said
    assert words(DIFF) in said
    assert f"▲ {LOST}" in said
    assert f"--apply --confirm contabo --plan {PLAN.hash}" in said


@pytest.mark.parametrize("width", [None, *WIDTHS])
def test_an_apply_shows_each_step_and_how_to_undo_it(tmp_path: Path, width: int | None) -> None:
    said = words(shown(stories.applied(tmp_path), width, colour=True))
    begin = "▶ Step 2 of 3, restore_tree, begins: Put the tree on the target"
    done, verified = "✔ Step 2 of 3, restore_tree, done after 1.5 s (usually 1.2 s)", "✔ Verified: the effect is the one asked for"
    assert said.index("Confirmed by me@laptop") < said.index(begin) < said.index(done) < said.index("Route agents-api passes")
    assert said.index("Route agents-api passes") < said.index(verified) < said.index("✔ succeeded: the effect is the one asked for")
    assert f"`rollback undo {ID}`" in said
    assert said.count(f"rollback undo {ID}") == 1
    assert "9.5 s, within the budget of 60 s" in said
    assert str(tmp_path) in said


@pytest.mark.parametrize("width", [None, *WIDTHS])
def test_a_failure_shows_what_the_step_said_last_and_the_reason_once(tmp_path: Path, width: int | None) -> None:
    said = words(shown(stories.failed(tmp_path), width))
    assert "✘ Step 2 of 3, restore_tree, failed after 1.5 s (usually 1.2 s): exit status 128" in said
    assert "fatal: unable to write new index file No space left on device" in said
    assert said.count("the host is changed in part") == 1
    assert f"Undo: `rollback undo {ID}`" in said


@pytest.mark.parametrize("width", [None, *WIDTHS])
def test_triage_shows_causes_and_rows(tmp_path: Path, width: int | None) -> None:
    said = words(shown(stories.diagnosed(tmp_path), width))
    assert "✔ fits: Bad code deploy (code) + the deploy came 3 min before the first 500" in said
    assert "✘ red disk 0.4 GB free of 80 GB; remove what is old: `docker image prune`" in said
    assert "Next: look with `rollback run code`" in said


@pytest.mark.parametrize("width", [None, *WIDTHS])
def test_a_guard_shows_how_long_it_watches_what_did_not_hold_and_what_it_starts(tmp_path: Path, width: int | None) -> None:
    said = words(shown(stories.guarded(tmp_path), width))
    assert "guard of dyniq-voice on contabo: it has to hold for 10m; if not, a rollback is planned" in said
    assert "✔ Every route is healthy; they have to hold for 600 s" in said
    assert "▲ Container docker-worker-1 ended by itself and was restarted (1 time)" in said
    assert "✘ Route agents-api fails" in said
    assert "▲ Replaced meanwhile, as by a deploy: agents-api" in said
    assert "✘ Did not hold: route agents-api was not healthy for 12 s (500)" in said
    assert "● Rollback: code, the last good release is 7777777" in said
    assert "✘ not-held: dyniq-voice did not hold on contabo" in said


def test_on_a_terminal_it_says_until_when_it_watches(tmp_path: Path) -> None:
    story = Story(stories.guarded(tmp_path).path)
    for event in Folder(next(tmp_path.glob("2026/*/*/*"))).events()[:5]:
        story.take(event)
    assert story.now(stories.BEGAN)[0] == "● watching until 03:22:08 UTC …"


@pytest.mark.parametrize("width", WIDTHS)
def test_on_a_terminal_nothing_but_a_word_that_is_too_long_is_wider_than_it(tmp_path: Path, width: int) -> None:
    for folder in stories.all_of_them(tmp_path):
        for row in shown(folder, width).splitlines():
            assert len(row) <= width or len(row.split()) <= 2, row  # a sign or a name may stand before the word


def test_a_log_has_no_escapes_and_a_time_for_each_event(tmp_path: Path) -> None:
    for folder in stories.all_of_them(tmp_path):
        text = shown(folder, None)
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
        assert not BOXES.search(text)
        assert all(re.match(r"\d\d:\d\d:\d\d |  ", row) for row in text.splitlines() if row)


def test_a_colour_is_never_all_that_tells(tmp_path: Path) -> None:
    """Each coloured row of events says by a sign or by its words what the colour says."""
    telling = (*SIGNS.values(), "+", "-", "$")
    for folder in stories.all_of_them(tmp_path):
        for row in shown(folder, 200, colour=True).splitlines():
            if re.search(r"\x1b\[[\d;]*3[123]m", row):
                assert ESCAPE.sub("", row).lstrip("0123456789: ").startswith(telling), row


def test_secrets_and_what_could_act_are_not_shown(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.event("link", said="the host says \x1b]0;pwned\x07 password=hunter2-hunter2 [bold]as it is[/bold]")
    for width in (None, 80):
        said = shown(record.close("refused", "token=hunter2-hunter2", 3), width)
        assert "hunter2" not in said
        assert "pwned" not in said
        assert "[bold]as it is[/bold]" in said


def test_the_whole_story_of_a_record_tells_of_every_error(tmp_path: Path) -> None:
    folder = stories.failed(tmp_path)
    told = [line.text for line in tell(folder.path, folder.events())]
    assert any(text.startswith("Ended in restore_tree: ") for text in told)
    assert "Verdict failed-partly" in told


def test_a_plan_of_another_version_is_named_and_the_rest_is_told(tmp_path: Path) -> None:
    folder = stories.applied(tmp_path)
    (folder.path / "plan.json").write_text('{"format": 1}')
    said = shown(folder, None)
    assert f"Plan {PLAN.hash} to {TARGET}; its commands are in plan.sh of the record" in said
    assert "✔ Step restore_tree, done after 1.5 s" in said


def test_what_goes_on_is_said_in_two_lines(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.confirmed()
    record.begin(stories.TREE)
    story = Story(record.folder.path, lambda *_: {"restore_tree": 1.25})
    assert story.now(stories.BEGAN) == ["starting …"]
    for event in record.folder.events():
        list(story.tell(event))
    going, routes = story.now(stories.BEGAN.replace(second=59))
    assert going == "▶ Step 2 of 3, restore_tree, for 46 s (usually 1.2 s): Put the tree on the target"
    record.end(stories.TREE)
    list(story.tell(record.folder.events()[-1]))
    assert story.now(stories.BEGAN)[0] == "● going on to the next step …"
    record.begin(stories.RECREATE)
    record.end(stories.RECREATE)
    for event in record.folder.events()[-2:]:
        list(story.tell(event))
    assert story.now(stories.BEGAN)[0] == "● verifying …"
    assert routes == "55 s of 60 s, usually 13 s · ✘ agents-api 500 · ✔ ruben-api 200"


def test_a_run_that_is_resumed_shows_its_plan_and_how_far_it_came(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.confirmed()
    record.begin(stories.KEEP)
    record.end(stories.KEEP)
    story = Story(record.folder.path)
    for event in record.folder.events():
        story.take(event)
    record.event("resumed", who="you@laptop", process=1)
    record.event("connected", host="contabo", user="deploy", state="")
    record.probe("agents-api")
    record.event("lock", how="taken", other=None, last="")
    told = [line.text for event in record.folder.events()[-4:] for line in story.tell(event)]
    assert told[0] == "you@laptop resumes the run"
    assert {"1 keep: Keep what runs (done)", "2 restore_tree: Put the tree on the target (not begun)"} < set(told)
    assert "State: every route passes" in told
