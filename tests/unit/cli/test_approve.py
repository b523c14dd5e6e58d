"""What `rollback approve` and `--break-glass` are given is checked before anything is contacted."""

from pathlib import Path

import pytest

from rollback_lib.cli import _parser, main, runs
from tests.builders.keys import allow, key
from tests.builders.stack import written


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("3f2a9c", "--plan", "0" * 12), "no key is given; name the key you approve with by --key, or by ROLLBACK_SIGNING_KEY"),
        (("3f2a9c", "--plan", "0" * 12, "--key", "/nowhere"), "/nowhere is no file"),
        (("3f2a9c", "--plan", "plan"), "--plan: the 12 hex digits of a plan are expected, not 'plan'"),
        (("the-first",), "INCIDENT: six hex digits such as 3f2a9c are expected, not 'the-first'"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    monkeypatch.delenv("ROLLBACK_SIGNING_KEY", raising=False)
    signers = allow(tmp_path / "signers", ben=key(tmp_path, "ben"))
    stack = written(tmp_path / "stack.yaml", approval={"signers": str(signers), "for": ["code"]})
    assert main(["approve", "--stack", str(stack), *words]) == 2
    assert said in capsys.readouterr().err


def test_a_stack_that_asks_for_nothing_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["approve", "3f2a9c", "--stack", str(written(tmp_path / "stack.yaml"))]) == 2
    assert "asks for no approval" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("code",), ("readiness", "--apply")])
def test_the_glass_is_broken_only_to_apply_a_rollback(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    argv = ["run", *words, "--stack", str(written(tmp_path / "stack.yaml")), "--confirm", "contabo", "--break-glass", "no"]
    assert main(argv) == 2
    assert "--break-glass continues without an approval; give it together with --apply" in capsys.readouterr().err


def test_its_reason_reaches_the_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, str] = {}

    def run(procedure: str, parameters: dict[str, str], **_: object) -> None:
        given.update(parameters)

    monkeypatch.setattr(runs, "run_notebook", run)
    monkeypatch.setattr(runs, "_tell", lambda *_: 0)
    arguments = _parser().parse_args(["run", "code", "--stack", "x", "--apply", "--confirm", "contabo", "--break-glass", "nobody answers"])
    assert arguments.command(arguments) == 0
    assert given["break_glass"] == "nobody answers"
