"""A run neither undoes nor resumes an incident whose record does not agree with the chain."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rollback_lib import cli
from rollback_lib.errors import ParameterError
from rollback_lib.headless import runner
from rollback_lib.headless.signals import Signals
from rollback_lib.notebook import resume_incident, start
from rollback_lib.procedures import undo
from rollback_lib.record.audit import verify
from rollback_lib.record.chain import FILE, OPENED, Chain
from rollback_lib.record.folder import ROOT_VARIABLE, Folder
from rollback_lib.record.log import Log
from rollback_lib.record.proof import check
from rollback_lib.run import resume
from rollback_lib.run.sealing import seal
from tests.builders.plans import changing, plan
from tests.builders.stack import STACK, STACK_FILE
from tests.forging import seal_all_the_same

STEP = changing("recreate")
OPENING = {"procedure": "code", "stack": "dyniq-voice", "host": "contabo", "who": "me", "mode": "apply", "budget": 60.0}
OPENED_AS = {**OPENING, "on_failure": "stop", "reason": "", "parameters": {}, "usual": [], "session": "copy.ipynb", "process": os.getpid()}


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "incidents"))
    return tmp_path / "incidents"


@pytest.fixture
def killed(root: Path) -> Folder:
    """The record of a run that was killed in a step that changes the stack."""
    folder = Folder.create("code", root)
    chosen = plan(STEP, undo=(STEP,), incident=folder.id)
    folder.write("stack.json", STACK.model_dump_json(exclude_unset=True))
    folder.event("open", **{**OPENED_AS, "incident": folder.id}, sha256=folder.hashes("stack.json"))
    Chain(root).enter(OPENED, folder.path, OPENING)
    folder.write("plan.json", chosen.json())
    folder.write("undo.sh", chosen.undo_shell())
    folder.event("plan", hash=chosen.hash, target="x", nothing_to_do=False, sha256=folder.hashes("plan.json", "undo.sh"))
    folder.event("confirmed", plan=chosen.hash, by="person", who="me", host="contabo")
    folder.event("step-begin", step="recreate", job="recreate", plan=chosen.hash, touches=True, commands=["echo recreate"])
    folder.write_record({**OPENING, "verdict": "unknown", "reason": "the run has not ended"})
    return folder


@pytest.fixture
def sealed(killed: Folder, root: Path) -> Folder:
    killed.write_record({**killed.record(), "reason": "the run ended in step recreate"})
    seal(killed, root)
    return killed


def take_up_in_jupyterlab(folder: Folder) -> None:
    root = folder.path.parents[3]
    if resume.cut_short(root, "code", "dyniq-voice", "copy.ipynb", {}) is None:
        pytest.fail("it was not found")


TAKEN = {
    "undo": lambda folder: undo.origin(folder.id),
    "resume": lambda folder: resume.opening(folder.path, folder.path.parents[3]),
    "in JupyterLab": take_up_in_jupyterlab,
    "resume in a notebook": lambda folder: resume_incident(folder.id),
}


def change(name: str) -> Callable[[Folder], None]:
    def changed(folder: Folder) -> None:
        file = folder.path / name
        file.write_text(file.read_text().replace("recreate", "destroy").replace("contabo", "elsewhere") + " ")

    return changed


def cut_off(folder: Folder) -> None:
    lines = (folder.path / "events.jsonl").read_bytes().splitlines(keepends=True)
    (folder.path / "events.jsonl").write_bytes(b"".join(lines[:2] + lines[3:]))


WRONG = {change(name): name for name in ("plan.json", "stack.json", "undo.sh")} | {cut_off: "events.jsonl"}


def refused(folder: Folder, named: str) -> None:
    """Check that every command for this record refuses with a sentence that names what is wrong, before anything is contacted."""
    for take in TAKEN.values():
        with pytest.raises(ParameterError, match=rf"^{folder.path.name} is not what was written: {named}"):
            take(folder)
    assert cli.main(["resume", folder.id]) == 2
    shown = str(start.latest(str(STACK_FILE)))
    assert folder.id in shown
    assert "_undo" not in shown
    assert "_resume" not in shown


def test_a_record_as_it_was_written_is_taken(killed: Folder, root: Path) -> None:
    for take in ("undo", "resume", "in JupyterLab"):
        TAKEN[take](killed)
    seal(killed, root)
    for take in ("undo", "resume", "in JupyterLab"):
        TAKEN[take](killed)
    assert "_undo" in str(start.latest(str(STACK_FILE)))
    assert "_resume" in str(start.latest(str(STACK_FILE)))


@pytest.mark.parametrize("wrong", WRONG)
def test_of_a_killed_run_what_its_events_do_not_prove_is_refused(killed: Folder, wrong: Callable[[Folder], None]) -> None:
    wrong(killed)
    refused(killed, WRONG[wrong])


def test_the_scar_of_a_crash_is_no_reason_to_refuse(killed: Folder) -> None:
    with (killed.path / "events.jsonl").open("a") as file:
        file.write('{"at": "2026-')
    undo.origin(killed.id)
    killed.event("resumed", who="me")
    undo.origin(killed.id)


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("again", [False, True])
def test_what_is_not_as_it_was_sealed_is_refused(sealed: Folder, root: Path, wrong: Callable[[Folder], None], again: bool) -> None:
    wrong(sealed)
    if again:
        seal_all_the_same(sealed, root)
    refused(sealed, WRONG[wrong])


def test_a_plan_whose_hash_nothing_has_is_refused(killed: Folder, root: Path) -> None:
    events = [event for event in killed.events() if event["event"] != "plan"]
    (killed.path / "events.jsonl").write_text("")
    for event in events:
        del event["after"]
        Log(killed.path / "events.jsonl").append(event)
    refused(killed, "events.jsonl does not hold the hash of plan.json")


def test_only_a_chain_that_was_changed_since_the_record_was_opened_is_refused(sealed: Folder, root: Path) -> None:
    later = Folder.create("env", root)
    later.event("open", **OPENING)
    Chain(root).enter(OPENED, later.path, OPENING)
    whole = (root / FILE).read_text()
    opened, *lines = whole.splitlines(keepends=True)
    (root / FILE).write_text("".join([opened, lines[0].replace('"me"', '"you"'), *lines[1:]]))
    refused(sealed, r"chain\.jsonl, line 3 does not follow from the line before it")
    (root / FILE).write_text("".join([opened.replace('"me"', '"you"'), *lines]))
    refused(sealed, r"chain\.jsonl, line 2 does not follow from the line before it")
    check(later.path, root)  # what the chain says since then holds


def test_a_link_stands_for_no_file_of_a_record(sealed: Folder, tmp_path: Path) -> None:
    (sealed.path / "plan.json").rename(tmp_path / "plan.json")
    (sealed.path / "plan.json").symlink_to(tmp_path / "plan.json")
    refused(sealed, "plan.json was changed")


def test_a_record_of_elsewhere_is_refused_until_its_own_chain_is_asked(
    sealed: Folder, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "handed" / "incidents"
    shutil.copytree(root, other)
    shutil.rmtree(root)
    (root / "2026").mkdir(parents=True)
    path = other / sealed.path.relative_to(root)
    linked = root / "2026" / path.name
    linked.symlink_to(path)
    for one in (path, linked):
        assert cli.main(["resume", str(one)]) == 2
        said = capsys.readouterr().err
        assert f"{one} is outside of {root}" in said
        assert "set ROLLBACK_INCIDENTS to the folder of the records that it belongs to" in said
        with pytest.raises(ParameterError, match="is outside of"):
            undo.origin(str(one))
        with pytest.raises(ParameterError, match="is outside of"):
            resume_incident(str(one))
    monkeypatch.setenv(ROOT_VARIABLE, os.path.relpath(other))
    assert undo.origin(str(path)).stack == STACK
    slipped = path.with_name(path.name[:-6] + "abcdef")
    shutil.copytree(path, slipped)
    with pytest.raises(ParameterError, match=f"{slipped.name} is not in chain.jsonl"):
        undo.origin("abcdef")


class NoProcess:
    """A process that ends before it runs a cell."""

    def __init__(self, folder: Path, signals: Signals) -> None: ...
    def kill(self) -> None: ...


def test_a_process_that_never_came_to_resume_leaves_a_record_that_verifies(
    sealed: Folder, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(source: Path, kept: Path, folder: Folder, *_: object) -> None:
        kept.write_text("{}")
        assert verify(root).findings == ()  # while it goes on
        check(folder.path, root)  # as the kernel does
        folder.event("run-cut-short", by="Ended", error="the process that runs the cells has ended (killed by SIGKILL)")

    monkeypatch.setattr(runner, "CellProcess", NoProcess)
    monkeypatch.setattr(runner, "_execute", killed)
    done = runner.resume(sealed.path, {}, root=root)
    assert (done.verdict, verify(root).findings, verify(root).sealed) == ("unknown", (), 1)
    assert [event["event"] for event in sealed.events()][-3:-1] == ["resumed", "run-cut-short"]


def test_a_runner_leaves_a_record_alone_that_another_run_has_gone_on_with(
    sealed: Folder, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone_on_with(*_: object) -> None:
        Folder(sealed.path).event("resumed", who="somebody else")
        seal(Folder(sealed.path), root)
        entries.extend(Chain(root).entries())

    entries: list[dict] = []
    monkeypatch.setattr(runner, "CellProcess", NoProcess)
    monkeypatch.setattr(runner, "_execute", gone_on_with)
    assert runner.resume(sealed.path, {}, root=root).verdict == "unknown"
    assert (verify(root).findings, Chain(root).entries()) == ((), entries)
