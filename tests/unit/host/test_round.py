"""Several scripts in one go, in each shell that a host may call `sh`: what each says, how each ends, and nothing of one in another."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from rollback_lib.host.ending import Ending, Kind
from rollback_lib.host.round import LONGEST, Round, Script, ScriptOutput, rounds
from rollback_lib.secrets.secret import Secret

SHELLS = [shell for shell in ("dash", "bash") if shutil.which(shell)]


def go(folder: Path, shell: str, *scripts: Script, chunk: int = 1000) -> list[ScriptOutput]:
    (folder / "sh").symlink_to(str(shutil.which(shell)))
    together = Round(scripts)
    done = subprocess.run(
        ["sh", "-c", together.script], env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}, capture_output=True,
        stdin=subprocess.DEVNULL, timeout=30,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    for start in range(0, len(done.stdout), chunk):
        together.feed(done.stdout[start : start + chunk])
    return list(together.outputs())


@pytest.mark.parametrize("shell", SHELLS)
def test_each_has_its_own_output_and_end(tmp_path: Path, shell: str) -> None:
    said = go(
        tmp_path, shell,
        Script("printf 'no end of line'"),
        Script("echo out; echo err >&2; exit 3"),
        Script("kill -9 $$"),
        Script("exec sleep 60", deadline=0.5),
        Script("cat; echo 'it''s \\ \"quoted\" $HOME äö\n0 out QUJD'"),
        Script("exit 200"),
    )  # fmt: skip
    assert said == [
        ScriptOutput(Ending.exited(0), "no end of line", "", 0),
        ScriptOutput(Ending.exited(3), "out\n", "err\n", 0),
        ScriptOutput(Ending(Kind.SIGNAL, 9), "", "", 0),
        ScriptOutput(Ending(Kind.DEADLINE, 0.5), "", "", 0),
        ScriptOutput(Ending.exited(0), 'its \\ "quoted" $HOME äö\n0 out QUJD\n', "", 0),
        ScriptOutput(Ending.exited(200), "", "", 0),
    ]


@pytest.mark.parametrize("shell", SHELLS)
def test_much_output_of_several_at_once_stays_whole(tmp_path: Path, shell: str) -> None:
    def lines(word: str) -> Script:
        return Script(f"awk 'BEGIN {{ for (n = 0; n < 40000; n++) print \"{word}\", n }}'", keep=1024 * 1024)

    found = go(tmp_path, shell, *(lines(word) for word in "abcd"), chunk=4097)
    for word, one in zip("abcd", found, strict=True):
        assert one.out == "".join(f"{word} {number}\n" for number in range(40000))
    (tmp_path / "short").mkdir()
    (short,) = go(tmp_path / "short", shell, Script("seq 100000", keep=100))
    assert short.dropped == len("".join(f"{n}\n" for n in range(1, 100001))) - 200
    assert short.out.startswith("1\n2\n")
    assert short.out.endswith("99999\n100000\n")


def test_they_run_side_by_side(tmp_path: Path) -> None:
    """Each waits for what another makes: one after the other, they would not come to an end."""
    wait = 'until [ -e "{0}" ]; do sleep 0.05; done; : >"{1}"'
    began = time.monotonic()
    found = go(tmp_path, "dash", *(
        Script(one, deadline=20)
        for one in (f'cd "{tmp_path}"; ' + wait.format("b", "a"), f'cd "{tmp_path}"; ' + wait.format("c", "b"), f': >"{tmp_path}/c"')
    ))  # fmt: skip
    assert [one.ending for one in found] == [Ending.exited(0)] * 3
    assert time.monotonic() - began < 10


def test_one_that_is_lost_has_no_end_and_the_others_have_theirs(tmp_path: Path) -> None:
    """What watched it was killed."""
    found = go(tmp_path, "dash", Script("kill -9 $PPID; kill -9 $$"), Script("echo there"))
    assert [(one.ending, one.out) for one in found] == [(None, ""), (Ending.exited(0), "there\n")]


def test_scripts_go_in_as_few_rounds_as_their_size_allows_and_one_with_an_input_alone() -> None:
    small, large = Script("true"), Script("x" * (LONGEST // 2))
    sent = Script("cat", send=Secret("x"))
    assert rounds([small, sent, small, large, large, small]) == [[sent], [small, small, large], [large, small]]
    assert rounds([]) == []
    assert len(Round([large, small]).script) < 128 * 1024
