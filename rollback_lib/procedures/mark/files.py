"""The files with which the stack runs, to be kept as healthy or bad versions."""

from collections.abc import Iterator

from rollback_lib.commands.command import Command
from rollback_lib.procedures.common import snapshots
from rollback_lib.procedures.common.running_file import RunningFile
from rollback_lib.procedures.mark.state import State
from rollback_lib.procedures.mark.target import proven_elsewhere


def there(now: State) -> list[RunningFile]:
    """The files that exist on the host."""
    return [one for one in now.files.values() if isinstance(one, RunningFile)]


def healthy(now: State) -> list[RunningFile]:
    """The files to keep as healthy: all that the stack runs with, unless the newest kept version is the same and healthy."""
    return [one for one in there(now) if not one.doubt and not snapshots.kept_healthy(one.versions, one.content)]


def bad(now: State) -> list[RunningFile]:
    """The files to keep as bad: those that came with what runs. A file that was healthy with another release is not to blame."""
    return [
        one for one in there(now)
        if not one.doubt and not proven_elsewhere(now, one.incidents) and snapshots.standing(one.versions, one.content)[1] is not False
    ]  # fmt: skip


def doubtful(now: State) -> list[str]:
    """The paths of the files with which the stack may not run."""
    return [one.path for one in there(now) if one.doubt]


def keep(now: State, found: list[RunningFile], incident: str, *, good: bool) -> Iterator[Command]:
    """Commands that keep copies of the files, as healthy versions if `good`, else as bad ones."""
    for one in found:
        yield from snapshots.remember_files(
            now.stack, one.kept, incident, good=one.path if good else None, bad=None if good else one.path
        )  # fmt: skip
