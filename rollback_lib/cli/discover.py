"""`rollback init HOST`: the stack file of a compose project, made by looking at its host."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rollback_lib.errors import ParameterError

if TYPE_CHECKING:
    from rollback_lib.discovery.project import Offer, Project, Survey
    from rollback_lib.host.link import Link


def run(arguments: argparse.Namespace) -> int:
    """Look at the host `target`, write the file, and look at the result; the exit status. `ssh_config`, `name` and `project` are "" where
    they were not given."""
    from rollback_lib.discovery import place
    from rollback_lib.settings import home
    from rollback_lib.stack.model import lasting

    folder = home() / "parameters"
    alias, config = _alias(arguments.target), _config(arguments.ssh_config)
    if arguments.name:
        place.free(folder, arguments.name)
    print(f"Looking at {alias}; nothing is changed there …", file=sys.stderr, flush=True)
    file, text = _found(alias, config, arguments, folder)
    place.put(file, text)
    print(f"{file} was written. Look at what is marked as a guess, and at what was not found.\n")
    return _then(lasting(file.stem if file.parent == folder else str(file)))


def _alias(target: str) -> str:
    from rollback_lib.discovery.fitting import NAME, fits

    if not fits(NAME, target):
        raise ParameterError(
            f"{target!r}: an alias of your OpenSSH configuration is expected; give the host one there, and try `ssh ALIAS`"
        )
    return target


def _config(given: str) -> Path | None:
    if not given:
        return None
    file = Path(given).expanduser().resolve()
    if not file.is_file():
        raise ParameterError(f"--ssh-config {given}: there is no such file")
    return file


def _found(alias: str, config: Path | None, arguments: argparse.Namespace, folder: Path) -> tuple[Path, str]:
    """The path of the file, and the file."""
    from rollback_lib.discovery import place, project, stack_file
    from rollback_lib.facts.live import LiveHost
    from rollback_lib.host.ssh_config import resolve
    from rollback_lib.secrets.redactor import Redactor
    from rollback_lib.secrets.secret import Key
    from rollback_lib.settings import home

    link, survey, sudo = _surveyed(alias, config)
    try:
        offer = project.chosen(survey.offers, alias, arguments.project or _asked(survey.offers, alias))
        host = LiveHost(link, Redactor(), Key())
        seen: Project = project.project(host, survey, offer, alias)
        file = place.free(folder, arguments.name or seen.title)
        named = str(config.relative_to(home()) if config.is_relative_to(home()) else config) if config else ""
        lines = stack_file.lines(
            host, seen, name=file.stem, alias=alias, address=resolve(alias, config).hostname, ssh_config=named, sudo=sudo
        )  # fmt: skip
        return file, stack_file.written(seen, lines, alias)
    finally:
        link.close()


def _surveyed(alias: str, config: Path | None) -> "tuple[Link, Survey, bool]":
    """A connection, what is on the host, and whether that took sudo. Raises ConnectionRefused, Refused."""
    from rollback_lib.discovery import project
    from rollback_lib.facts.live import LiveHost
    from rollback_lib.host.link import Link
    from rollback_lib.secrets.redactor import Redactor
    from rollback_lib.secrets.secret import Key

    for sudo in (False, True):
        link = Link(alias, config, lambda _: None, sudo=sudo)
        try:
            found = project.survey(LiveHost(link, Redactor(), Key()), alias)
        except BaseException:
            link.close()
            raise
        if found:
            return link, found, sudo
        link.close()
    raise AssertionError("as root, nobody is told to use sudo")


def _asked(offers: "Sequence[Offer]", alias: str) -> str:
    """The project that a person chooses; "" where there is only one, or nobody to ask."""
    if len(offers) == 1 or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return ""
    print(f"There are {len(offers)} compose projects on {alias}:")
    for number, one in enumerate(offers, 1):
        print(f"  {number}  {one.words}")
    while True:
        said = input(f"Which one is the stack? [1-{len(offers)}] ").strip()
        if said.isdigit() and 1 <= int(said) <= len(offers):
            return offers[int(said) - 1].name


def _then(source: str) -> int:
    """The look at the result: whether the file is complete, and whether a rollback could be planned."""
    from rollback_lib.cli import check
    from rollback_lib.record.verdict import Verdict
    from rollback_lib.stack.model import Stack

    try:
        stack = Stack.load(source)
    except ParameterError as error:
        print(f"✘ {error}\nComplete the file, then: `rollback check --stack {source}`")
        return Verdict.NOT_READY.status
    return check.told(stack, source)
