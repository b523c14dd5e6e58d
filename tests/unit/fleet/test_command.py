"""The `rollback` command as a process: what it is given, what it is not, and what becomes of a run whose end is not known."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import psutil
import pytest

from rollback_lib.archive import address
from rollback_lib.errors import ParameterError
from rollback_lib.fleet.command import RESUMES, VARIABLE, Command, environment
from rollback_lib.settings import HOME_VARIABLE, PROJECT

STACK = "parameters/fleet/a.yaml"
PROGRAM = f"""#!{sys.executable}
import json, os, sys
calls = os.environ["CALLS"]
with open(calls, "a") as file:
    file.write(json.dumps([sys.argv[1:], dict(os.environ)]) + "\\n")
count = len(open(calls).readlines())
answers = json.loads(os.environ["ANSWERS"])
status, answer = answers[min(count, len(answers)) - 1]
print(json.dumps(answer) if answer is not None else "")
print("rollback: no such thing", file=sys.stderr)
sys.exit(status)
"""
Calls = Callable[[], list[list[str]]]


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """A runbook folder, and a program in place of `rollback` that notes how it is called."""
    program, noted = tmp_path / "rollback", tmp_path / "calls"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "parameters" / "fleet").mkdir(parents=True)
    (tmp_path / STACK).write_text((PROJECT / "parameters" / "production.yaml").read_text())
    for name, value in {VARIABLE: str(program), HOME_VARIABLE: str(tmp_path), "CALLS": str(noted)}.items():
        monkeypatch.setenv(name, value)
    return lambda: [json.loads(line)[0] for line in noted.read_text().splitlines()]


def answers(monkeypatch: pytest.MonkeyPatch, *given: tuple[int, object]) -> None:
    monkeypatch.setenv("ANSWERS", json.dumps(given))


def answer(status: int, verdict: str) -> tuple[int, dict[str, object]]:
    return status, {"verdict": verdict, "status": status, "reason": "why", "incident": "3f2a9c", "folder": "", "plan": "afb49fd011ee"}


def test_a_plan_is_asked_for_without_apply(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, answer(0, "planned"))
    outcome = Command().run("code", STACK, {"target": "abc"}, apply=False, plan="", on_failure="undo")
    assert calls() == [["run", "code", "--stack", STACK, "-p", "target=abc", "--json"]]
    assert (outcome.stack, outcome.name, outcome.host, outcome.plan) == (STACK, "dyniq-voice", "contabo", "afb49fd011ee")


def test_an_apply_is_held_to_its_plan(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, answer(0, "succeeded"))
    Command().run("code", STACK, {}, apply=True, plan="afb49fd011ee", on_failure="undo")
    words = ["--apply", "--confirm", "contabo", "--plan", "afb49fd011ee", "--on-failure", "undo", "--json"]
    assert calls() == [["run", "code", "--stack", STACK, *words]]


def test_what_is_not_known_is_resumed_and_never_run_again(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, answer(6, "unknown"), answer(6, "unknown"), answer(0, "succeeded"))
    assert Command().run("code", STACK, {}, apply=True, plan="", on_failure="stop").kind == "done"
    assert [words[:2] for words in calls()] == [["run", "code"], ["resume", "3f2a9c"], ["resume", "3f2a9c"]]


def test_it_is_not_resumed_for_ever(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, answer(6, "unknown"))
    assert Command().run("code", STACK, {}, apply=True, plan="", on_failure="stop").kind == "not known"
    assert len(calls()) == 1 + RESUMES


@pytest.mark.parametrize(("status", "kind"), [(2, "refused"), (3, "refused"), (130, "not known"), (1, "not known")])
def test_a_run_that_prints_nothing_is_told_by_its_last_word(calls: Calls, monkeypatch: pytest.MonkeyPatch, status: int, kind: str) -> None:
    answers(monkeypatch, (status, None))
    outcome = Command().run("code", STACK, {}, apply=False, plan="", on_failure="stop")
    assert (outcome.kind, outcome.reason) == (kind, "no such thing")
    assert len(calls()) == 1


def test_a_record_that_is_left_is_resumed_if_it_is_open(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, (0, [{"incident": "3f2a9c", "verdict": "open"}]), answer(0, "succeeded"))
    found = Command().earlier(STACK, "a in fleet_code 1: approved")
    assert found
    assert found.kind == "done"
    assert calls() == [["incidents", "search", "a in fleet_code 1: approved", "--json"], ["resume", "3f2a9c", "--json"]]


def test_a_record_that_has_ended_is_only_read(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, (0, [{"incident": "3f2a9c", "verdict": "failed-partly"}]), (0, {"status": 5, "reason": "it broke"}))
    found = Command().earlier(STACK, "x")
    assert found
    assert (found.kind, found.reason) == ("failed and partly changed", "it broke")
    assert calls()[1] == ["incidents", "show", "3f2a9c", "--json"]


def test_no_record_is_none(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, (0, []))
    assert Command().earlier(STACK, "x") is None


ARCHIVE = ["--archive", "s3://records/fleet"]


@pytest.fixture
def archived(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """The same, with an archive."""
    monkeypatch.setenv(address.VARIABLE, ARCHIVE[1])
    return calls


def test_what_another_worker_did_is_fetched_and_then_undone(archived: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, (0, "fetched"), answer(0, "succeeded"))
    assert Command(since=date(2026, 11, 30)).undo("3f2a9c", STACK, "why").kind == "undone"
    fetched, undone = archived()
    assert fetched == ["incidents", "fetch", "3f2a9c", *ARCHIVE, "--since", "2026-11-30"]
    assert undone[:2] == ["undo", "3f2a9c"]


def test_what_cannot_be_fetched_is_not_undone_and_says_why(archived: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, (3, None))
    outcome = Command().undo("3f2a9c", STACK, "why")
    assert (outcome.kind, outcome.reason, outcome.host) == ("refused", "no such thing", "contabo")
    assert len(archived()) == 1


def test_a_record_of_another_worker_is_found_in_the_archive_and_resumed_here(archived: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [{"incident": "3f2a9c", "verdict": "unknown"}]
    answers(monkeypatch, (0, []), (0, found), (0, "fetched"), answer(0, "succeeded"))
    outcome = Command().earlier(STACK, "x")
    assert outcome
    assert outcome.kind == "done"
    assert [words[:2] for words in archived()] == [
        ["incidents", "search"],
        ["incidents", "search"],
        ["incidents", "fetch"],
        ["resume", "3f2a9c"],
    ]
    assert archived()[1][-2:] == ARCHIVE


def test_records_are_sent_and_pages_too_if_there_is_an_archive(archived: Calls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answers(monkeypatch, (0, "s3://records/fleet/x.html"))
    assert Command().sent(STACK) == ""
    Command().published(tmp_path / "x.html", STACK)
    assert archived() == [["incidents", "archive"], ["incidents", "archive", "--page", str(tmp_path / "x.html"), *ARCHIVE]]


def test_an_archive_that_is_away_is_told_and_stops_nothing(archived: Calls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answers(monkeypatch, (3, None))
    assert Command().sent(STACK) == "no such thing"
    assert Command().published(tmp_path / "x.html", STACK) == ("", "no such thing")


def test_without_an_archive_nothing_is_sent(calls: Calls, tmp_path: Path) -> None:
    assert (Command().sent(STACK), Command().published(tmp_path / "x.html", STACK)) == ("", ("", ""))
    assert not (tmp_path / "calls").exists()


def test_nothing_of_the_engine_gets_into_a_run() -> None:
    given = {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgres://u:secret@db", "_AIRFLOW_X": "", "__AIRFLOW_SUPERVISOR_FD": "3",
        "PYTHONPATH": "/x", "VIRTUAL_ENV": "/y", "HOME": "/root", "DEPLOY_TOKEN": "t",
    }  # fmt: skip
    assert environment(given, {"CHAT": "s"}) == {"HOME": "/root", "DEPLOY_TOKEN": "t", "CHAT": "s"}


def test_secrets_are_in_its_environment_and_not_in_its_words(calls: Calls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answers(monkeypatch, answer(0, "planned"))
    Command({"CHAT": "hunter2-hunter2"}).run("code", STACK, {}, apply=False, plan="", on_failure="stop")
    words, env = json.loads((tmp_path / "calls").read_text())
    assert env["CHAT"] == "hunter2-hunter2"
    assert "hunter2" not in " ".join(words)


def test_a_worker_without_the_program_is_told_what_names_it(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "/nowhere/rollback")
    with pytest.raises(ParameterError, match=VARIABLE):
        Command().run("code", STACK, {}, apply=False, plan="", on_failure="stop")


def test_a_run_is_told_to_end_when_the_worker_dies(calls: Calls, tmp_path: Path) -> None:
    """It gets SIGTERM, and completes its record."""
    program = tmp_path / "rollback"
    program.write_text(f"#!/bin/sh\ntrap 'echo told >{tmp_path}/told; exit' TERM\necho $$ >{tmp_path}/pid\nwhile :; do sleep 0.05; done\n")
    worker = "from rollback_lib.fleet.command import Command; Command()._json('run')"
    process = subprocess.Popen([sys.executable, "-c", worker], env=dict(os.environ), cwd=PROJECT)
    until = time.monotonic() + 20
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
        assert time.monotonic() < until
        time.sleep(0.05)
    process.kill()
    process.wait()
    run = psutil.Process(int((tmp_path / "pid").read_text()))
    psutil.wait_procs([run], timeout=10)
    assert (tmp_path / "told").exists()


ENDING = """#!/bin/sh
trap 'echo "{{\\"verdict\\": \\"unknown\\", \\"status\\": 6, \\"incident\\": \\"3f2a9c\\", \\"folder\\": \\"\\"}}"; exit 6' TERM
echo "$*" >>{calls}
while :; do sleep 0.05; done
"""


def test_a_run_that_was_told_to_end_is_not_resumed(calls: Calls, tmp_path: Path) -> None:
    """Its task is killed seconds later; it would leave two hands at the same incident."""
    (tmp_path / "rollback").write_text(ENDING.format(calls=tmp_path / "calls"))
    command = Command()
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(command.run, "code", STACK, {}, apply=True, plan="", on_failure="stop")
        until = time.monotonic() + 20
        while not (tmp_path / "calls").exists() or not (tmp_path / "calls").read_text():
            assert time.monotonic() < until
            time.sleep(0.05)
        command.terminate()
        assert ended.result(20).kind == "not known"
    assert len((tmp_path / "calls").read_text().splitlines()) == 1


def test_nothing_is_begun_once_the_task_was_told_to_end(calls: Calls, tmp_path: Path) -> None:
    """As when that came while an earlier record was looked for."""
    command = Command()
    command.terminate()
    outcome = command.run("code", STACK, {}, apply=True, plan="", on_failure="stop")
    assert (outcome.kind, outcome.reason) == ("refused", "its task was told to end, so nothing was begun")
    assert not (tmp_path / "calls").exists()
