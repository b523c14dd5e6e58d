"""What procedures keep on the host: what an undo needs, and versions of files with whether the stack was healthy with them."""

import posixpath
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from rollback_lib.commands.command import Command
from rollback_lib.facts import copies, files
from rollback_lib.facts.fact import Fact
from rollback_lib.stack.model import Stack
from rollback_lib.text import times

ASIDE = ("undone-", "again-")  # prefixes for what an undo keeps while it runs
CADDYFILE = "caddyfile"  # the name under which versions of the Caddyfile are kept
REMEMBER = "The next rollback knows from it what was healthy here, and what was not."


@dataclass(frozen=True)
class Version:
    """A kept version of a file. `name` is the name that a person uses for it; `verdict` says whether it was healthy or bad here, "" if
    that is not known; `where` says in words where it comes from."""

    name: str
    when: datetime
    verdict: str
    where: str
    file: files.File


def of_env(stack: Stack, path: str) -> str:
    """The name under which versions of an env file are kept. If the stack has several env files, each has its own name."""
    return "env" if stack.env and stack.env.file == path else "env" + path.replace("/", "=")


def folders(stack: Stack, *names: str) -> Command:
    """The command that makes folders in the stack's folder on the host. Its group may use them as well."""
    return Command.of("mkdir", "-p", "-m", "2770", *(f"{stack.state}/{name}" for name in names))


def before(stack: Stack, incident: str, name: str) -> str:
    """The path under which an incident keeps what its undo needs."""
    return f"{stack.state}/before/{incident}.{name}"


def versions(stack: Stack, procedure: str, matching: Callable[[str, str], Fact[list[files.File]]] = files.matching) -> Fact[list[Version]]:
    """The versions of the procedure's file that earlier runs kept, newest first. `matching` returns the fact that lists the files of a
    folder."""
    listing = matching(_folder(stack, procedure), "")
    return Fact(listing.commands, lambda out: [_version(file) for file in listing.read(out)], otherwise=lambda _: [],
                hides=lambda found: listing.hides([version.file for version in found]))  # fmt: skip


def standing(versions: Iterable[Version], content: bytes) -> tuple[str, bool | None]:
    """What the kept versions say about a content, in words; and True if it was healthy here, False if it was bad, None if that is not
    known."""
    same = sorted(
        (version for version in versions if version.verdict and version.file.content.reveal() == content), key=lambda version: version.when
    )
    if not same:
        return "never verified here", None
    last = same[-1]
    return f"{last.verdict}, {times.minute(last.when)}", not last.verdict.startswith("bad")


def kept_healthy(versions: Iterable[Version], content: bytes) -> bool:
    """Whether the newest version that a run kept has this content and was healthy."""
    last = max((version for version in versions if version.verdict), key=lambda version: version.when, default=None)
    return last is not None and last.file.content.reveal() == content and not last.verdict.startswith("bad")


def remember_files(stack: Stack, procedure: str, incident: str, *, good: str | None, bad: str | None) -> tuple[Command, ...]:
    """Commands that keep the file at `good` as a healthy version, and the file at `bad`, if there is one, as a bad version."""
    paths = ((bad, False), (good, True))
    kept = [command for path, healthy in paths if path for command in _whole(path, kept_file(stack, procedure, incident, good=healthy))]
    return (Command.of("mkdir", "-p", "-m", "2770", f"{stack.state}/kept", _folder(stack, procedure)), *kept)


def kept_file(stack: Stack, procedure: str, incident: str, *, good: bool) -> str:
    """The path under which an incident keeps the procedure's file as a healthy or a bad version."""
    return f"{_folder(stack, procedure)}/{'healthy' if good else 'bad'}-{copies.incident_of(incident)}"


def _whole(path: str, kept: str) -> tuple[Command, ...]:
    """Commands that copy a file to the path `kept`, completely or not at all: a copy cut off by a full disk would count as a version."""
    folder, name = posixpath.split(kept)
    part = f"{folder}/.{name}"
    remove = Command.of("rm", "-f", part)
    return tuple(command.or_else(remove) for command in (Command.of("cp", path, part), Command.of("mv", part, kept)))


def _folder(stack: Stack, procedure: str) -> str:
    return f"{stack.state}/kept/{procedure}"


def _version(file: files.File) -> Version:
    name = file.path.rpartition("/")[2]
    word, _, incident = name.partition("-")
    verdict = "healthy here" if word == "healthy" else f"bad ({incident})"
    return Version(name, file.changed, verdict, "kept by a run", file)
