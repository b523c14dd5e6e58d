"""The state of nginx: its file, the versions of that file, and its workers."""

import re
from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from rollback_lib.commands.command import Command
from rollback_lib.facts import docker, files, git
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.host import Host
from rollback_lib.health.probe import Probe
from rollback_lib.procedures.common import snapshots
from rollback_lib.stack.model import Section, Stack
from rollback_lib.stack.values import HostPath, Name

NAME = "nginx"
SHOWN = 10  # how many versions of the file are read


class Nginx(Section):
    """The section `procedures.nginx` of a stack."""

    budget: float = Field(default=10.0, gt=0, description="How many seconds the procedure may take.")
    container: Name = Field(description="The container that nginx runs in.")
    service: Name = Field(description="The service of the routes that it answers.")
    file: HostPath = Field(description="Its configuration on the host, in the tree, mounted into the container.")


@dataclass(frozen=True)
class Version:
    """A version of the file. `name` is that of a commit or of a kept version. The command `show` prints its content on the host."""

    name: str
    when: datetime
    said: str
    verdict: str
    content: bytes
    show: Command


@dataclass(frozen=True)
class State:
    """The state of nginx. `file` is its file on the host, `versions` are the versions of that file, newest first. `workers` are the process
    ids of its workers. `refused` is why nginx does not accept the present file, "" if it does."""

    stack: Stack
    section: Nginx
    container: docker.Container | None
    file: files.File | None
    versions: tuple[Version, ...]
    workers: tuple[str, ...]
    refused: str
    lines: list[str]
    probes: tuple[Probe, ...] = ()

    @property
    def content(self) -> bytes:
        return self.file.content.reveal() if self.file else b""


@dataclass(frozen=True)
class Candidate:
    """A version to go back to. `current`: the file on the host is this version."""

    version: Version
    current: bool


class Candidates(tuple[Candidate, ...]):
    """The versions to choose from, newest first."""


def document(host: Host, stack: Stack) -> State:
    """Ask the host for the container, the file and its versions."""
    section = Nginx.of(stack, NAME)
    tree = stack.work_tree
    path = section.file.removeprefix(f"{tree}/")
    container, file = host.ask(docker.named(section.container)), host.ask(files.file(section.file))
    history, kept = host.ask(git.file_history(tree, path)), host.ask(snapshots.versions(stack, NAME))
    running = host.ask(workers(section))
    blobs = list(dict.fromkeys(entry.blob for entry in history.result() if entry.blob and entry.regular))[:SHOWN]
    contents, lines = host.ask(git.blobs(tree, blobs, path)), host.ask(docker.lines(container.result()))
    refused = host.ask(tested(section, Command.of("cat", section.file)))
    verdicts = {old.file.content.reveal(): old.verdict for old in reversed(kept.result())}
    found: dict[bytes, Version] = {}
    for entry in history.result():
        content = contents.result().get(entry.blob or "")
        if content is not None and entry.blob:
            show = git.show_file(tree, entry.blob, path)
            version = Version(entry.commit.short, entry.commit.when, entry.commit.subject, verdicts.get(content, ""), content, show)
            found.setdefault(content, version)
    for old in kept.result():
        content = old.file.content.reveal()
        found.setdefault(content, Version(old.name, old.when, old.where, old.verdict, content, Command.of("cat", old.file.path)))
    versions = tuple(sorted(found.values(), key=lambda version: version.when, reverse=True))
    return State(stack, section, container.result(), file.result(), versions, running.result(), refused.result(), lines.result())


def candidates(now: State) -> Candidates:
    """The versions to choose from, newest first."""
    return Candidates(Candidate(version, version.content == now.content) for version in now.versions)


def workers(section: Nginx) -> Fact[tuple[str, ...]]:
    """The process ids of the workers that accept new connections; none if nginx does not run."""
    look = (
        'for one in /proc/[0-9]*; do case $(tr "\\0" " " <"$one/cmdline" 2>/dev/null) in *shutting*) ;; '
        '"nginx: worker process"*) echo "${one#/proc/}" ;; esac; done'
    )
    command = Command.of("docker", "exec", section.container, "sh", "-c", look)
    return Fact((command,), lambda out: tuple(sorted(out.split())), otherwise=lambda _: ())


def tested(section: Nginx, show: Command) -> Fact[str]:
    """Why nginx in the container does not accept the configuration that `show` prints; "" if it does. For the test, the container has a
    copy of it in memory."""
    test = 'file=/dev/shm/rollback-$$.conf; trap "rm -f $file" EXIT; cat >"$file"; nginx -t -q -c "$file"'
    command = show.pipe("docker", "exec", "-i", section.container, "sh", "-euc", test)
    return Fact((command,), lambda _: "", otherwise=_first)


def _first(said: str) -> str:
    """The reason in an error message of nginx, without the level and the process id in front of it."""
    found = re.search(r"\[emerg\] (?:\d+#\d+: )?(.*)", said)
    return found[1] if found else (said.strip().splitlines() or ["it said nothing"])[-1]
