"""The env file as it is kept with what runs."""

from rollback_lib.facts.host import Host
from rollback_lib.plan.plan import some
from rollback_lib.procedures.common.chosen import chosen
from rollback_lib.procedures.common.running_file import Keeping, RunningFile
from rollback_lib.procedures.env.parameters import NAME, kept
from rollback_lib.procedures.env.state import State, document
from rollback_lib.stack.model import Stack


def path(stack: Stack, file: str = "") -> str:
    """Where it is."""
    return chosen("file", file, stack.section(NAME).paths)


def look(host: Host, stack: Stack, file: str = "") -> RunningFile | None:
    """The file, its versions, and whether its readers hold it."""
    return running(document(host, stack, file))


def running(held: State) -> RunningFile | None:
    """The file; containers that were not recreated since it was changed do not have it."""
    if held.file is None:
        return None
    stale = [name for name in held.readers if held.holds(name, held.understood(name)) is False]
    doubt = f"{some(stale)} was not recreated since it was changed" if stale else ""
    return RunningFile(kept(held.stack, held.path), held.path, held.file, tuple(held.versions), doubt)


KEEPING = Keeping(path, look)
