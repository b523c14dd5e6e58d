"""The Caddyfile as it is kept with what runs."""

from collections.abc import Sequence

from rollback_lib.facts.host import Host
from rollback_lib.procedures.caddyfile.state import NAME, State, document
from rollback_lib.procedures.common import snapshots
from rollback_lib.procedures.common.running_file import Keeping, RunningFile
from rollback_lib.stack.model import Stack


def path(stack: Stack) -> str:
    """Where it is."""
    file: str = stack.section(NAME).file
    return file


def look(host: Host, stack: Stack) -> RunningFile | None:
    """The file, the versions of it that runs kept, and whether Caddy has loaded it."""
    kept = host.ask(snapshots.versions(stack, NAME))
    return running(document(host, stack), kept.result())


def running(now: State, kept: Sequence[snapshots.Version]) -> RunningFile | None:
    """The file; Caddy may run with something else."""
    if now.file is None or not now.file.regular:
        return None
    doubt = "Caddy runs with something else" if now.loaded is False else ""
    return RunningFile(NAME, now.file.path, now.file, tuple(kept), doubt)


KEEPING = Keeping(path, look)
