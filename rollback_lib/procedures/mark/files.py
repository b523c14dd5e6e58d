"""The env files and the Caddyfile with which the stack runs, to be kept as healthy or bad versions."""

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
    """A file, with its kept versions. `procedure` is the name under which they are kept. `doubt` says why the stack may not run with the
    present content, "" if it does."""

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
        """The incidents that kept this content as healthy."""
        same = (one for one in self.versions if one.verdict and not one.verdict.startswith("bad"))
        return (one.name.partition("-")[2] for one in same if one.file.content.reveal() == self.content)


def there(now: State) -> list[File]:
    """The files that exist on the host."""
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
    """The files to keep as healthy: all that the stack runs with, unless the newest kept version is the same and healthy."""
    return [one for one in there(now) if not one.doubt and not snapshots.kept_healthy(one.versions, one.content)]


def bad(now: State) -> list[File]:
    """The files to keep as bad: those that came with what runs. A file that was healthy with another release is not to blame."""
    return [
        one for one in there(now)
        if not one.doubt and not proven_elsewhere(now, one.incidents) and snapshots.standing(one.versions, one.content)[1] is not False
    ]  # fmt: skip


def keep(now: State, found: list[File], incident: str, *, good: bool) -> Iterator[Command]:
    """Commands that keep copies of the files, as healthy versions if `good`, else as bad ones."""
    for one in found:
        yield from snapshots.remember_files(
            now.stack, one.procedure, incident, good=one.path if good else None, bad=None if good else one.path
        )  # fmt: skip
