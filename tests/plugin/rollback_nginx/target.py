"""The target of an nginx rollback: a version that the nginx which will load it accepts."""

import difflib
import re
from dataclasses import dataclass

from rollback_lib.errors import ParameterError, Refused, TargetRefused
from rollback_lib.facts import docker, files
from rollback_lib.facts.host import Host
from rollback_lib.procedures.procedure import check_target
from rollback_lib.stack.model import Stack
from rollback_nginx.state import NAME, Nginx, State, Version, tested

TARGET = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,99}")


@dataclass(frozen=True)
class Target:
    """The chosen version, and why it was chosen."""

    version: Version
    why: str
    diff: str

    @property
    def name(self) -> str:
        return self.version.name


def check(stack: Stack, target: object = "") -> None:
    """Check the parameters before anything is contacted. Raises ParameterError."""
    section = Nginx.of(stack, NAME)
    if stack.in_tree(section.file) is None:
        raise ParameterError(f"procedures.nginx.file: a file in the tree, {stack.tree}, is expected, not {section.file}")
    check_target(target, TARGET, "a version from the list of candidates")


def choose(now: State, target: str) -> tuple[Version, str]:
    """The version to go back to, and why. If `target` is empty, this is the newest different version that was healthy here, or else the
    last different one. Raises TargetRefused if there is none."""
    if target:
        named = [version for version in now.versions if version.name == target]
        if not named:
            raise TargetRefused(f"no version {target!r} of {now.section.file} is known; take one from the list of candidates")
        return named[0], "named as the target"
    others = [version for version in now.versions if version.content != now.content and not version.verdict.startswith("bad")]
    for version in others:
        if version.verdict.startswith("healthy"):
            return version, "the newest version that was healthy here"
    if others:
        return others[0], "the last different version of the file"
    raise TargetRefused(
        f"no other version of {now.section.file} is known, in git or kept by an earlier run; commit a good one, then name it"
    )


def examine(host: Host, now: State, target: str) -> Target:
    """Choose the version, and let nginx itself test it. Raises TargetRefused if nginx does not accept it."""
    usable(now)
    version, why = choose(now, target)
    refused = host.ask(tested(now.section, version.show)).result()
    if refused:
        raise TargetRefused(f"nginx does not accept the version {version.name}: {refused}; choose another target")
    old, new = (content.decode(errors="replace").splitlines() for content in (now.content, version.content))
    return Target(version, why, "\n".join(difflib.unified_diff(old, new, "on the host now", version.name, lineterm="")))


def usable(now: State) -> tuple[docker.Container, files.File]:
    """The container and the file. Raises Refused if a rollback is not possible."""
    if now.file is None or not now.file.regular:
        raise Refused(f"there is no file {now.section.file} on the host; put one there first, then roll back")
    if now.container is None or now.container.state != "running":
        raise Refused(f"the container {now.section.container} does not run; start it, then roll back")
    return now.container, now.file
