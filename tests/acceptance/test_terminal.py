"""What real runs show: in a terminal, in a pipe, and to a script."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import pexpect

from tests.machine import BIN, Machine

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def in_a_terminal(machine: Machine, *words: str, columns: int) -> tuple[int, str]:
    """The exit status of a command, and all that it writes to a terminal."""
    argv = ["run", "code", "--stack", str(machine.stack), *words]
    env = {**machine.env(), "TERM": "xterm-256color"}
    run = pexpect.spawn(str(BIN / "rollback"), argv, env=env, encoding="utf-8", timeout=120, dimensions=(40, columns))
    run.expect(pexpect.EOF)
    run.close()
    return run.exitstatus, run.before


def as_read(text: str) -> str:
    return " ".join(ESCAPE.sub(" ", text).split())


def commands(folder: Path) -> list[str]:
    """How each command of the plan begins."""
    plan = json.loads((folder / "plan.json").read_text())
    return [as_read(shlex.join(command["argv"][:2])) for step in plan["steps"] for command in step["commands"]]


def test_an_apply_in_a_terminal_its_undo_in_a_pipe_and_a_plan_for_a_script(broken: Machine) -> None:
    status, written = in_a_terminal(broken, "--apply", "--confirm", "contabo", columns=60)
    (folder,) = broken.folders()
    incident, said = folder.name.rpartition("-")[2], as_read(written)
    assert (status, broken.health()[0]) == (0, 200)
    assert "\x1b[32m" in written, "there are colours"
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l"), "the cursor is there afterwards"
    assert re.search(r"▶ Step \d of 5, \w+, for \d+ s", said), "what goes on is shown while it does"
    for word in (
        "✘ State: not healthy: agents-api",
        "chosen:",
        "✔ Step 4 of 5, recreate, done after",
        "✔ succeeded: the effect",
        *commands(folder),
    ):
        assert as_read(word) in said
    assert f"`rollback undo {incident}`" in said

    undone = broken.undo(folder)
    assert (undone.status, undone.err) == (0, "")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2500-\u259f]", undone.out)
    assert all(re.match(r"\d\d:\d\d:\d\d |  ", line) for line in undone.out.splitlines() if line)
    assert re.search(r"^[\d:]{8} ✔ Step \d of \d, \w+, done after", undone.out, re.MULTILINE)
    assert re.search(r"^[\d:]{8} ✔ succeeded: ", undone.out, re.MULTILINE)

    planned = broken.rollback("--json")
    told = json.loads(planned.out)
    assert (planned.status, planned.err, told["verdict"], told["undo"]) == (0, "", "planned", None)
    assert (told["plan"], told["target"]) == (planned.record["plan"], planned.record["target"])
    assert [step["name"] for step in told["steps"]] == list(planned.record["steps"])
    usual = broken.rollback("--quiet")
    assert usual.out == "planned: planned only; the host was not changed\n"

    shown = subprocess.run(
        [BIN / "rollback", "incidents", "show", incident], env=broken.env(), capture_output=True, text=True, check=True
    ).stdout
    assert all(command in as_read(shown) for command in commands(folder))
