"""The shell that watches a command, in each shell that a host may call `sh`: here are those of them that this machine has."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from rollback_lib.host.ending import Ending, Kind
from rollback_lib.host.snippets import WATCH, own_end

SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]
APPLETS = ("sh", "timeout", "setsid", "sleep")  # of BusyBox
CASES = {
    "exit 3": Ending.exited(3),
    "exit 124": Ending.exited(124),
    "exit 137": Ending.exited(137),
    "set -e; sh -c 'kill -9 $$'; exit 5": Ending.exited(137),
    "kill -9 $$": Ending(Kind.SIGNAL, 9),
    "kill $$; sleep 5": Ending(Kind.SIGNAL, 15),
    "exec sleep 60": Ending(Kind.DEADLINE, 1),
    "trap 'exit 0' TERM; sleep 60 & wait": Ending(Kind.DEADLINE, 1),
    "trap '' TERM; while :; do sleep 0.1; done": Ending(Kind.DEADLINE, 1),
    "sh -c 'trap \"\" TERM; while :; do sleep 0.1; done'": Ending(Kind.DEADLINE, 1),
}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("script", CASES)
def test_how_it_ended_is_told_and_nothing_of_it_is_left(tmp_path: Path, shell: str, script: str) -> None:
    for name in APPLETS if shell == "busybox" else ("sh",):
        (tmp_path / name).symlink_to(str(shutil.which(shell)))
    watch = WATCH + 'exec 4<&0; begin "$1"; echo "$pid" >&2; await 1 1 ""'
    told = subprocess.run(
        ["timeout", "-s", "ALRM", "1", "sh", "-c", watch, "sh", own_end("", 1) + script],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=20,
    )  # fmt: skip
    assert Ending.read(" ".join(told.stdout.split())) == CASES[script], told.stderr
    group, *_ = told.stderr.split()
    processes = subprocess.check_output(["ps", "-eo", "pgid=,stat=,args="], text=True).splitlines()
    assert [one for one in processes if one.split()[0] == group and not one.split()[1].startswith("Z")] == []
