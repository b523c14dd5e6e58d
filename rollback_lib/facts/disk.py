"""How much is free on a disk of the host."""

from rollback_lib.commands.command import Command
from rollback_lib.facts.fact import Fact


def free(command: Command) -> Fact[int | None]:
    """Bytes free, by a command that ends in `df -P -k PATH`; None when that cannot be known."""
    return Fact((command,), lambda out: int(out.splitlines()[-1].split()[3]) * 1024, otherwise=lambda _: None)
