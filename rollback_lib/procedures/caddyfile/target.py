"""The target of a Caddyfile rollback: a version that the Caddy which will load it accepts."""

import re
from dataclasses import dataclass

from rollback_lib.errors import Refused, TargetRefused
from rollback_lib.facts import caddy, docker, git
from rollback_lib.facts.host import Host
from rollback_lib.procedures.caddyfile.state import NAME, State, Version, caddy_in, difference, tracked
from rollback_lib.procedures.procedure import check_target
from rollback_lib.stack.model import Stack

TARGET = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/~^-]{0,199}")


@dataclass(frozen=True)
class Target:
    """The chosen version, and why it was chosen. Caddy has accepted it; `config` is the configuration that it will load."""

    version: Version
    why: str
    config: caddy.Configuration
    diff: str

    @property
    def name(self) -> str:
        return self.version.name


def check(stack: Stack, target: object = "") -> None:
    """Check the parameter before anything is contacted. Raises ParameterError."""
    stack.section(NAME)
    check_target(target, TARGET, "a commit or a kept version")


def choose(now: State) -> tuple[Version, str]:
    """The version to go back to, and why: the newest different version that was healthy here, or else the last different one. Raises
    TargetRefused if there is none."""
    others = [version for version in now.versions if version.content != now.current]
    for version in others:
        if version.verdict.startswith("healthy"):
            return version, "the newest version that was healthy here"
    # The order of the list counts, not the time: two commits may have the same time.
    since = next((number for number, version in enumerate(now.versions) if version.content == now.current), -1)
    before = now.versions[since + 1 :]
    for version in before or others:
        if not version.verdict.startswith("bad"):
            return version, "the last different version of the file"
    file = now.stack.section(NAME).file
    if tracked(now.stack) is None:
        raise TargetRefused(
            f"no other version of {file} was kept by an earlier run, and it is in no git tree; mend it by hand, and let "
            "`rollback run readiness --apply` keep it each day that it is healthy"
        )
    raise TargetRefused(f"no other version of {file} is known, in git or kept by an earlier run; commit a good one, then name it")


def examine(host: Host, now: State, target: str) -> Target:
    """Choose the version, and let Caddy itself check it. Raises TargetRefused if Caddy does not accept it."""
    check(now.stack, target)
    container, path = usable(now)
    if target:
        version, why = _named(host, now, target), "named as the target"
    else:
        version, why = choose(now)
    run = caddy_in(container, path, up=now.running)
    validated, adapted = host.ask(caddy.validated(version.show, run)), host.ask(caddy.adapted(version.show, run))
    refusal = validated.result()
    if refusal is not None:
        raise TargetRefused(f"Caddy does not accept the version {version.name}: {refusal}; choose another target")
    config = adapted.result()
    if isinstance(config, str):
        raise TargetRefused(f"Caddy cannot read the version {version.name}: {config}; choose another target")
    return Target(version, why, config, difference(now.current, version.content, version.name))


def usable(now: State) -> tuple[docker.Container, str]:
    """The container, and the path of the file in it. Raises Refused if a rollback is not possible."""
    file = now.stack.section(NAME).file
    if now.file is None:
        of_git = tracked(now.stack)
        raise Refused(
            f"{file} is missing on the host; put one there first"
            + (f", e.g. `git -C {of_git.tree} checkout -- {of_git.path}`" if of_git else "")
        )
    if not now.file.regular:
        raise Refused(
            f"{file} is a {now.file.kind}, not a file (Docker makes a directory where a bind mount finds nothing); remove it first"
        )
    if now.container is None:
        raise Refused(f"the service {now.stack.section(NAME).service} has no container; start it, then roll back")
    if now.path_inside is None:
        raise Refused(
            f"the container {now.container.name} does not mount {file}; it has a Caddyfile of its image, roll back its image instead"
        )
    return now.container, now.path_inside


def _named(host: Host, now: State, target: str) -> Version:
    """The version that a person named: a kept one, or the file as it was at a commit."""
    for version in now.versions:
        if version.name == target:
            return version
    of_git = tracked(now.stack)
    if of_git is None:
        raise TargetRefused(
            f"{target!r} is no version of {now.stack.section(NAME).file} that was kept; take one from the list of candidates"
        )
    try:
        commit, blob = host.ask(git.blob_at(of_git.tree, target, of_git.path)).result()
        content = host.ask(git.blobs(of_git.tree, [blob], of_git.path)).result().get(blob)
    except Refused as error:
        raise TargetRefused(str(error)) from None
    if content is None:
        raise TargetRefused(
            f"{of_git.tree} lacks the file {of_git.path} of {commit.short}, as a partial clone may; fetch it: "
            f"`git -C {of_git.tree} cat-file blob {blob}`"
        )
    return Version(commit.short, commit.when, commit.subject, "", content, of_git.show(blob))
