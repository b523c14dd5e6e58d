"""Free space on a disk of the host."""

from rollback_lib.commands.command import Command
from rollback_lib.facts.fact import Fact


def free(command: Command) -> Fact[int | None]:
    """The free bytes, from a command that prints the output of `df -P -k PATH`; None if the command fails."""
    return Fact((command,), lambda out: int(out.splitlines()[-1].split()[3]) * 1024, otherwise=lambda _: None)
