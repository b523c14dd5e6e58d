"""Quoting, against the shell itself as the oracle."""

import re
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollback_lib.commands.command import END, MARK, Command, script
from rollback_lib.errors import ParameterError

words = st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=60)


@settings(max_examples=150, deadline=None)
@given(st.lists(words, min_size=1, max_size=5))
def test_every_word_reaches_the_program_to_the_letter(arguments: list[str]) -> None:
    command = Command.of("printf", "%s\\0", *arguments)
    out = subprocess.run(["sh", "-c", script([command])], capture_output=True, check=True).stdout
    assert out.decode().split("\0")[:-1] == arguments


def test_nul_is_refused() -> None:
    with pytest.raises(ParameterError, match="NUL"):
        Command.of("echo", "a\0b")


def test_pipes_and_files(tmp_path) -> None:
    target = tmp_path / "a b;$c"
    commands = [
        Command.of("printf", "b\\na\\n").pipe("sort").pipe("head", "-n", "1").to(str(target)),
        Command.of("echo", "more").to(str(target), append=True),
    ]
    subprocess.run(["sh", "-c", script(commands)], check=True)
    assert target.read_text() == "a\nmore\n"


@given(st.one_of(words, words.map(lambda text: f"E{text}\nEOF{text}\n{text}")))
def test_a_text_is_read_to_the_letter(text: str) -> None:
    if any(line == END or re.match(r"(E|EO|EOF)[^\x00-\x7f]", line) for line in text.split("\n")):
        with pytest.raises(ParameterError, match="write it in another way"):
            Command.of("cat").saying(text)
        return
    commands = [Command.of("cat").saying(text).pipe("cat"), Command.of("printf", "next")]
    out = subprocess.run(["sh", "-c", script(commands)], capture_output=True, check=True).stdout.decode()
    assert out == text.strip("\n") + "\nnext"


def test_a_rescue_runs_when_its_command_fails_which_stays_a_failure(tmp_path) -> None:
    rescue = Command.of("touch", str(tmp_path / "rescued"))
    failing = Command.of("sh", "-c", "cat; exit 3").saying("said").or_else(rescue)
    done = subprocess.run(["sh", "-c", script([failing, Command.of("echo", "never")])], capture_output=True, text=True)
    assert (done.returncode, done.stdout, (tmp_path / "rescued").exists()) == (1, "said\n", True)
    other = Command.of("cat").saying("well").or_else(Command.of("touch", str(tmp_path / "not")))
    assert subprocess.run(["sh", "-c", script([other])], capture_output=True, text=True).stdout == "well\n"
    assert not (tmp_path / "not").exists()


def test_a_script_stops_at_the_first_failure_and_says_how_far_it_came() -> None:
    commands = [Command.of("true"), Command.of("false"), Command.of("echo", "never")]
    done = subprocess.run(["sh", "-c", script(commands, marked=True)], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == f"{MARK}0\n{MARK}1\n"


@pytest.mark.parametrize("failing", [0, 1, 2])
@pytest.mark.parametrize("file", ["", "out"])
def test_a_pipe_fails_where_any_of_its_commands_does(tmp_path, failing: int, file: str) -> None:
    first, *rest = (f"cat; exit {5 if number == failing else 0}" for number in range(3))
    command = Command.of("sh", "-c", first).saying("said")
    for one in rest:
        command = command.pipe("sh", "-c", one)
    command = command.to(str(tmp_path / file)) if file else command
    done = subprocess.run(["sh", "-c", script([command, Command.of("echo", "never")])], capture_output=True, text=True)
    assert done.returncode != 0
    assert (done.stdout, (tmp_path / file).read_text() if file else "") == (("", "said\n") if file else ("said\n", ""))


def test_a_long_text_is_left_out_of_the_brief_form() -> None:
    lines = "\n".join(f"echo {number}" for number in range(9))
    assert Command.script(lines, "a b").brief() == "sh -eu -s -- 'a b' <<'EOF' # 9 lines, as in the plan"
    assert Command.of("sort").saying("b\na\n").brief() == "sort <<'EOF'\nb\na\nEOF"
    assert Command.of("true").brief() == "true"
