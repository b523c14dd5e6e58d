"""A sealed record can only be extended. If its files are rewritten and it is sealed again with the real code, that is refused; and if the
check is left out, the audit finds it."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from rollback_lib.record import contents, manifest
from rollback_lib.record.audit import verify
from rollback_lib.record.chain import OPENED, PRUNED, SEALED, Chain
from rollback_lib.record.files import file_hash
from rollback_lib.record.folder import Folder
from rollback_lib.record.log import AFTER, Log
from rollback_lib.record.manifest import NotExtended
from rollback_lib.run.sealing import seal
from tests.forging import seal_all_the_same

OPENING = {"procedure": "code", "stack": "dyniq", "host": "contabo", "who": "me", "mode": "apply", "budget": 60.0}
FILES = ("stack.json", "plan.json", "plan.sh", "undo.sh", "plan.diff", "logs/api.txt", "output/keep.txt", "notebook.ipynb")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "incidents"
    root.mkdir()
    return root


def ended(folder: Folder, verdict: str) -> None:
    folder.event("verdict", verdict=verdict, reason="as told")
    folder.write_record({**OPENING, "verdict": verdict, "reason": "as told"})


@pytest.fixture
def folder(root: Path) -> Folder:
    """A sealed record of a run that failed."""
    folder = Folder.create("code", root)
    for name in FILES:
        (folder.path / name).parent.mkdir(exist_ok=True)
        folder.write(name, f"{name} as it was\n")
    folder.event("open", **OPENING, sha256=folder.hashes("stack.json"))
    Chain(root).enter(OPENED, folder.path, OPENING)
    folder.event("plan", hash="abc", target="x", nothing_to_do=False, sha256=folder.hashes("plan.json", "undo.sh"))
    folder.event("confirmed", plan="abc", by="person", who="me", host="contabo")
    ended(folder, "failed-partly")
    seal(folder, root)
    return folder


def resumed(folder: Folder, root: Path) -> None:
    folder.event("resumed", who="me")
    Chain(root).enter(OPENED, folder.path, folder.record())


def words(root: Path) -> list[str]:
    done = verify(root)
    assert done.tampered == bool(done.findings)
    return [finding.words for finding in done.findings]


def rewrite_events(folder: Folder, change: Callable[[list[dict]], list[dict]]) -> None:
    """Rewrite the events as the real code would have written them, after `change`."""
    events = change(folder.events())
    log = folder.path / "events.jsonl"
    log.write_text("")
    for event in events:
        Log(log).append({name: value for name, value in event.items() if name != AFTER})


def another_story(folder: Folder) -> None:
    rewrite_events(folder, lambda events: [json.loads(json.dumps(event).replace("failed-partly", "succeeded")) for event in events])
    another_verdict(folder)


def another_verdict(folder: Folder) -> None:
    folder.write_record({**folder.record(), "verdict": "succeeded"})


def another_plan(folder: Folder) -> None:
    folder.write("plan.json", "another one\n")
    folder.write("undo.sh", "rm -rf /\n")


def cut_off(folder: Folder) -> None:
    rewrite_events(folder, lambda events: events[:-1])


def slip_in(folder: Folder) -> None:
    folder.write("evidence.txt", "it was like this\n")


def remove(folder: Folder) -> None:
    (folder.path / "logs" / "api.txt").unlink()


REWRITTEN = {
    another_story: "record.json was changed after it was sealed",
    another_verdict: "record.json was changed after it was sealed",
    another_plan: "plan.json was changed after it was sealed",
    cut_off: "events.jsonl was changed after it was sealed",
    slip_in: "evidence.txt was added after the record was sealed",
    remove: "logs/api.txt was removed",
}


@pytest.mark.parametrize("change", REWRITTEN)
def test_a_record_that_was_written_anew_is_not_sealed_again(folder: Folder, root: Path, change: Callable[[Folder], None]) -> None:
    entries = Chain(root).entries()
    change(folder)
    for again in (lambda: seal(folder, root), lambda: manifest.seal(folder.path, root, folder.record())):
        with pytest.raises(NotExtended, match=f"{folder.path.name} is not sealed again: "):
            again()
    assert Chain(root).entries() == entries
    assert REWRITTEN[change] in words(root)
    Chain(root).enter(OPENED, folder.path, folder.record())  # as if a run went on with it
    with pytest.raises(NotExtended):
        manifest.seal(folder.path, root, folder.record())
    assert REWRITTEN[change] in words(root)


@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize("change", REWRITTEN)
def test_one_that_was_sealed_again_all_the_same_is_found(
    folder: Folder, root: Path, change: Callable[[Folder], None], opened: bool
) -> None:
    if opened:
        Chain(root).enter(OPENED, folder.path, folder.record())
    change(folder)
    seal_all_the_same(folder, root)
    assert f"{REWRITTEN[change]}, and sealed again" in words(root)
    seal_all_the_same(folder, root)  # nor does another seal hide it
    assert f"{REWRITTEN[change]}, and sealed again" in words(root)


def test_a_run_that_was_resumed_adds_and_tells_anew_and_the_record_is_sealed_each_time(folder: Folder, root: Path) -> None:
    for number in (2, 3):
        resumed(folder, root)
        assert words(root) == []
        folder.write(f"output/recreate.{number}.txt", "done\n")
        folder.write(folder.next_notebook().name, "the cells\n")
        ended(folder, "succeeded" if number == 3 else "unknown")
        assert words(root) == []
        seal(folder, root)
        assert (words(root), verify(root).sealed) == ([], 1)
    names = {file.name for file in folder.path.iterdir()}
    assert {"manifest.json", "manifest-1.json", "manifest-2.json", "notebook-3.ipynb"} <= names
    assert [entry["events"] for entry in Chain(root).entries() if entry["event"] == SEALED] == [4, 6, 8]


@pytest.mark.parametrize("name", FILES)
def test_what_was_sealed_is_not_for_a_run_that_was_resumed_to_change(folder: Folder, root: Path, name: str) -> None:
    resumed(folder, root)
    folder.write(name, "another\n")
    assert words(root) == [f"{name} was changed after it was sealed"]
    with pytest.raises(NotExtended, match=f"{name} was changed after it was sealed"):
        seal(folder, root)
    seal_all_the_same(folder, root)
    assert words(root) == [f"{name} was changed after it was sealed, and sealed again"]


@pytest.mark.parametrize("change", [another_story, cut_off])
def test_events_of_before_stay_when_a_run_was_resumed(folder: Folder, root: Path, change: Callable[[Folder], None]) -> None:
    change(folder)
    resumed(folder, root)
    ended(folder, "succeeded")
    with suppress(NotExtended):
        seal(folder, root)
    assert words(root)
    seal_all_the_same(folder, root)
    assert words(root)


def test_a_run_says_first_that_it_was_resumed(folder: Folder, root: Path) -> None:
    Chain(root).enter(OPENED, folder.path, folder.record())
    ended(folder, "succeeded")
    folder.event("resumed", who="me")
    with pytest.raises(NotExtended, match=r"events\.jsonl was changed after it was sealed"):
        seal(folder, root)


def test_what_a_later_run_says_excuses_no_seal_before_it(folder: Folder, root: Path) -> None:
    another_verdict(folder)
    seal_all_the_same(folder, root)
    resumed(folder, root)
    seal_all_the_same(folder, root)
    assert words(root) == ["record.json was changed after it was sealed, and sealed again"]


def test_a_manifest_that_was_made_up_for_an_earlier_seal_is_found(folder: Folder, root: Path) -> None:
    another_plan(folder)
    made_up = {**json.loads((folder.path / manifest.FILE).read_text()), "files": contents.hashes(folder.path)}
    seal_all_the_same(folder, root)
    folder.write("manifest-1.json", json.dumps(made_up))
    seal_all_the_same(folder, root)
    assert "manifest-1.json is not the one that was sealed" in words(root)


def test_a_file_that_a_seal_awaits_may_be_added_and_no_other(root: Path, folder: Folder) -> None:
    resumed(folder, root)
    seal(folder, root, awaits=["notebook-2.ipynb"])
    Chain(root).enter(OPENED, folder.path, folder.record())
    folder.write("notebook-2.ipynb", "the cells\n")
    assert words(root) == []
    for change in (another_verdict, slip_in):
        kept = folder.record()
        change(folder)
        with pytest.raises(NotExtended, match=REWRITTEN[change]):
            manifest.seal(folder.path, root, folder.record())
        folder.write_record(kept)
        (folder.path / "evidence.txt").unlink(missing_ok=True)
    manifest.seal(folder.path, root, folder.record())
    assert words(root) == []
    Chain(root).enter(OPENED, folder.path, folder.record())
    folder.write("notebook-2.ipynb", "other cells\n")
    with pytest.raises(NotExtended, match=r"notebook-2\.ipynb was changed"):
        manifest.seal(folder.path, root, folder.record())


def test_a_seal_that_a_crash_cut_short_is_made_again(folder: Folder, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resumed(folder, root)
    with monkeypatch.context() as crash:
        crash.setattr(Chain, "enter", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            seal(folder, root)
    assert words(root) == []
    seal(folder, root)
    assert (words(root), verify(root).sealed) == ([], 1)


def seal_as_before(folder: Folder, root: Path) -> None:
    """Seal as versions before 2026-11-24 did: without keeping the earlier manifest, and without the number of events."""
    content = {"incident": folder.id, "files": contents.hashes(folder.path), "chain": Chain(root).head}
    folder.write(manifest.FILE, json.dumps(content, indent=1) + "\n")
    entry = {**Chain(root).entries()[-1], "event": SEALED, "manifest": file_hash(folder.path / manifest.FILE)}
    Chain(root).log.append({name: value for name, value in entry.items() if name not in ("events", "last", AFTER)})


def test_records_that_were_sealed_before_verify_as_they_did(root: Path) -> None:
    folder = Folder.create("code", root)
    folder.event("open", **OPENING)
    Chain(root).log.append({"at": "2026-11-20T12:00:00+00:00", "event": OPENED, "folder": str(folder.path.relative_to(root))})
    folder.write_record({**OPENING, "verdict": "failed-partly", "reason": "as told"})
    for change in (another_plan, another_verdict):
        change(folder)
        seal_as_before(folder, root)
        assert words(root) == []
    resumed(folder, root)
    folder.write("notebook.ipynb", "the cells\n")
    ended(folder, "succeeded")
    seal(folder, root)
    assert words(root) == []
    slip_in(folder)
    assert words(root) == [REWRITTEN[slip_in]]


def test_a_record_of_before_is_extended_as_well(root: Path) -> None:
    folder = Folder.create("code", root)
    folder.event("open", **OPENING)
    folder.write_record({**OPENING, "verdict": "failed-partly", "reason": "as told"})
    folder.write("plan.json", "as it was\n")
    Chain(root).log.append({"at": "2026-11-20T12:00:00+00:00", "event": OPENED, "folder": str(folder.path.relative_to(root))})
    seal_as_before(folder, root)
    another_plan(folder)
    with pytest.raises(NotExtended, match=REWRITTEN[another_plan]):
        manifest.seal(folder.path, root, folder.record())
    seal_all_the_same(folder, root)
    assert f"{REWRITTEN[another_plan]}, and sealed again" in words(root)


def test_an_older_version_cannot_hide_what_was_sealed(folder: Folder, root: Path) -> None:
    another_plan(folder)
    seal_as_before(folder, root)
    assert words(root) == ["manifest-1.json is not the one that was sealed"]


def test_how_a_killed_run_was_opened_and_planned_is_known(root: Path) -> None:
    folder = Folder.create("code", root)
    for name in ("stack.json", "plan.json"):
        folder.write(name, "as it was\n")
    folder.event("open", **OPENING, sha256=folder.hashes("stack.json"))
    Chain(root).enter(OPENED, folder.path, OPENING)
    folder.event("plan", hash="abc", target="x", nothing_to_do=False, sha256=folder.hashes("plan.json"))
    assert words(root) == []
    folder.write("plan.json", "another\n")
    assert words(root) == ["plan.json is not the one whose hash events.jsonl has"]
    folder.write("plan.json", "as it was\n")
    rewrite_events(folder, lambda events: [{**events[0], "host": "elsewhere"}, *events[1:]])
    assert words(root) == ["events.jsonl, line 1 is not the one that the chain has: lines were changed or cut off"]
    seal(folder, root)
    assert words(root) == ["events.jsonl, line 1 is not the one that the chain has: lines were changed or cut off"]


def test_to_let_go_of_a_record_hides_nothing(folder: Folder, root: Path) -> None:
    opened = Folder.create("env", root)
    opened.event("open", **OPENING)
    Chain(root).enter(OPENED, opened.path, OPENING)
    another_plan(folder)
    seal_all_the_same(folder, root)
    for one in (folder, opened):
        Chain(root).enter(PRUNED, one.path, {})
    assert words(root) == [f"{REWRITTEN[another_plan]}, and sealed again", "undo.sh was changed after it was sealed, and sealed again",
                           "the record was pruned before it was sealed"]  # fmt: skip
    slip_in(folder)
    assert "evidence.txt was added after the record was sealed" in words(root)
