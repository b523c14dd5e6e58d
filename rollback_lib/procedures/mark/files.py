"""The env file and the Caddyfile of what runs, kept as versions that were healthy or bad."""

from collections.abc import Iterator
from dataclasses import dataclass

from rollback_lib.commands.command import Command
from rollback_lib.facts import files
from rollback_lib.facts.host import Unanswered
from rollback_lib.plan.plan import some
from rollback_lib.procedures import caddyfile, env
from rollback_lib.procedures.common import snapshots
from rollback_lib.procedures.mark.state import State
from rollback_lib.procedures.mark.target import proven_elsewhere


@dataclass(frozen=True)
class File:
    """A file by the procedure that restores it, with its versions. `doubt` says why what runs may not have it; "" where it has."""

    procedure: str
    path: str
    file: files.File
    versions: tuple[snapshots.Version, ...]
    doubt: str

    @property
    def content(self) -> bytes:
        return self.file.content.reveal()

    @property
    def incidents(self) -> Iterator[str]:
        """Those that kept this content as healthy."""
        same = (one for one in self.versions if one.verdict and not one.verdict.startswith("bad"))
        return (one.name.partition("-")[2] for one in same if one.file.content.reveal() == self.content)


def there(now: State) -> list[File]:
    """Those that are there."""
    found = []
    proxy = now.caddyfile
    for path, held in now.envs.items():
        if isinstance(held, Unanswered) or not held.file:
            continue
        stale = [name for name in held.readers if held.holds(name, held.understood(name)) is False]
        doubt = f"{some(stale)} was not recreated since it was changed" if stale else ""
        found.append(File(env.kept(now.stack, path), path, held.file, tuple(held.versions), doubt))
    if proxy and not isinstance(proxy, Unanswered) and proxy.file and proxy.file.regular:
        doubt = "Caddy runs with something else" if proxy.loaded is False else ""
        found.append(File(caddyfile.NAME, proxy.file.path, proxy.file, tuple(now.kept), doubt))
    return found


def healthy(now: State) -> list[File]:
    """Those to be kept as healthy: all but one whose newest kept version is that one."""
    return [one for one in there(now) if not one.doubt and not snapshots.kept_healthy(one.versions, one.content)]


def bad(now: State) -> list[File]:
    """Those to be kept as bad: that came with what runs, and were not healthy with another release."""
    return [
        one for one in there(now)
        if not one.doubt and not proven_elsewhere(now, one.incidents) and snapshots.standing(one.versions, one.content)[1] is not False
    ]  # fmt: skip


def keep(now: State, found: list[File], incident: str, *, good: bool) -> Iterator[Command]:
    """Keeps copies of these."""
    for one in found:
        yield from snapshots.remember_files(
            now.stack, one.procedure, incident, good=one.path if good else None, bad=None if good else one.path
        )  # fmt: skip
