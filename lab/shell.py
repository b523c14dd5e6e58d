"""Runs programs on this machine for the lab. An error says in one sentence what failed."""

import subprocess
from collections.abc import Callable, Sequence

from rollback_lib.errors import LabError


def run(argv: Sequence[str], *, on_line: Callable[[str], None] | None = None) -> str:
    """Run `argv`, and return its output, both streams together and stripped.

    `on_line` is called with each line of output as it comes. Raises LabError if the program fails, with the last line it printed, or is
    not installed.
    """
    try:
        with subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as process:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line.rstrip("\n"))
                if on_line:
                    on_line(lines[-1])
    except FileNotFoundError:
        raise LabError(f"{argv[0]} is not installed here; install it and try again") from None
    if process.returncode:
        last = next((line for line in reversed(lines) if line.strip()), "no output")
        raise LabError(f"`{' '.join(argv[:4])} …` failed with exit status {process.returncode}: {last.strip()}")
    return "\n".join(lines).strip()


def succeeds(argv: Sequence[str]) -> bool:
    """Whether `argv` can be run and exits with 0. Its output is dropped."""
    try:
        return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
