"""The files of what runs, kept as versions that were healthy or bad."""

from collections.abc import Iterator

from rollback_lib.commands.command import Command
from rollback_lib.procedures.common import snapshots
from rollback_lib.procedures.common.running_file import RunningFile
from rollback_lib.procedures.mark.state import State
from rollback_lib.procedures.mark.target import proven_elsewhere


def there(now: State) -> list[RunningFile]:
    """Those that are there."""
    return [one for one in now.files.values() if isinstance(one, RunningFile)]


def healthy(now: State) -> list[RunningFile]:
    """Those to be kept as healthy: all but one whose newest kept version is that one."""
    return [one for one in there(now) if not one.doubt and not snapshots.kept_healthy(one.versions, one.content)]


def bad(now: State) -> list[RunningFile]:
    """Those to be kept as bad: that came with what runs, and were not healthy with another release."""
    return [
        one for one in there(now)
        if not one.doubt and not proven_elsewhere(now, one.incidents) and snapshots.standing(one.versions, one.content)[1] is not False
    ]  # fmt: skip


def keep(now: State, found: list[RunningFile], incident: str, *, good: bool) -> Iterator[Command]:
    """Keeps copies of these."""
    for one in found:
        yield from snapshots.remember_files(
            now.stack, one.kept, incident, good=one.path if good else None, bad=None if good else one.path
        )  # fmt: skip
