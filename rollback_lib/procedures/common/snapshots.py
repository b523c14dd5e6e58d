"""What every procedure keeps on the host: what undo needs, the images that ran, the files that were healthy or bad."""

import posixpath
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from rollback_lib.commands.command import Command
from rollback_lib.facts import files
from rollback_lib.facts.fact import Fact
from rollback_lib.stack.model import Stack
from rollback_lib.text import times

ASIDE = ("undone-", "again-")  # begin the names of what an undo keeps by itself as it runs
REMEMBER = "The next rollback knows from it what was healthy here, and what was not."


@dataclass(frozen=True)
class Version:
    """A kept version of a file: `name` is how a person calls it, `verdict` what is known of it, `where` the file it is in."""

    name: str
    when: datetime
    verdict: str
    where: str
    file: files.File


def folders(stack: Stack, *names: str) -> Command:
    """Makes folders in the stack's folder, open to whoever that is open to."""
    return Command.of("mkdir", "-p", "-m", "2770", *(f"{stack.state}/{name}" for name in names))


def before(stack: Stack, incident: str, name: str) -> str:
    """The path under which this incident keeps what undo needs."""
    return f"{stack.state}/before/{incident}.{name}"


def versions(stack: Stack, procedure: str, matching: Callable[[str, str], Fact[list[files.File]]] = files.matching) -> Fact[list[Version]]:
    """The versions of the procedure's file that earlier runs kept, newest first, as `matching` finds them in a folder."""
    listing = matching(_folder(stack, procedure), "")
    return Fact(listing.commands, lambda out: [_version(file) for file in listing.read(out)], otherwise=lambda _: [],
                hides=lambda found: listing.hides([one.file for one in found]))  # fmt: skip


def standing(versions: Iterable[Version], content: bytes) -> tuple[str, bool | None]:
    """What the kept versions tell of a content, in words; True where it was healthy here, False where it was found bad."""
    same = sorted((one for one in versions if one.verdict and one.file.content.reveal() == content), key=lambda one: one.when)
    if not same:
        return "never verified here", None
    last = same[-1]
    return f"{last.verdict}, {times.minute(last.when)}", not last.verdict.startswith("bad")


def kept_healthy(versions: Iterable[Version], content: bytes) -> bool:
    """Whether the newest version that a run kept has that content, and was healthy."""
    last = max((one for one in versions if one.verdict), key=lambda one: one.when, default=None)
    return last is not None and last.file.content.reveal() == content and not last.verdict.startswith("bad")


def remember_files(stack: Stack, procedure: str, incident: str, *, good: str | None, bad: str | None) -> tuple[Command, ...]:
    """Keeps the file at `good` as a version that was healthy here, and the one at `bad` as one that was not."""
    paths = ((bad, False), (good, True))
    kept = [one for path, healthy in paths if path for one in _whole(path, kept_file(stack, procedure, incident, good=healthy))]
    return (Command.of("mkdir", "-p", "-m", "2770", f"{stack.state}/kept", _folder(stack, procedure)), *kept)


def kept_file(stack: Stack, procedure: str, incident: str, *, good: bool) -> str:
    """The path under which an incident keeps the procedure's file as a version that was healthy, or was not."""
    return f"{_folder(stack, procedure)}/{'healthy' if good else 'bad'}-{incident}"


def _whole(path: str, kept: str) -> tuple[Command, ...]:
    """Copies the file to that path, as a whole or not at all: one that a full disk cut would be a version."""
    folder, name = posixpath.split(kept)
    part = f"{folder}/.{name}"
    remove = Command.of("rm", "-f", part)
    return tuple(one.or_else(remove) for one in (Command.of("cp", path, part), Command.of("mv", part, kept)))


def _folder(stack: Stack, procedure: str) -> str:
    return f"{stack.state}/kept/{procedure}"


def _version(file: files.File) -> Version:
    name = file.path.rpartition("/")[2]
    word, _, incident = name.partition("-")
    verdict = "healthy here" if word == "healthy" else f"bad ({incident})"
    return Version(name, file.changed, verdict, "kept by a run", file)
