"""A commit's images, built from an export of it beside the tree: a build that fails leaves tree, tags and containers alone."""

import json
from collections.abc import Iterator, Mapping

from rollback_lib.commands.command import Command
from rollback_lib.commands.compose import Compose
from rollback_lib.facts import git
from rollback_lib.procedures.code.state import State
from rollback_lib.procedures.code.target import Target, beside
from rollback_lib.procedures.code.tree import umask
from rollback_lib.stack.model import Stack

BUILD_DEADLINE = 900.0  # seconds


def commands(now: State, target: Target, images: Mapping[str, str]) -> tuple[Command, ...]:
    """Builds the images of the target, by service, under these names."""
    stack, folder = now.stack, _folder(now.stack, target.commit.sha)
    ways: dict[Compose, dict[str, str]] = {}
    for one in now.services:
        if one.service in images and one.compose:
            ways.setdefault(one.compose, {})[one.service] = images[one.service]
    builds = [command for way, mine in ways.items() for command in _of_way(way.moved(stack.work_tree, f"{folder}/tree"), mine, folder)]
    return (
        Command.of("rm", "-rf", folder),
        Command.of("mkdir", "-m", "700", folder),
        *_export(now, target, folder),
        *_copies(now, f"{folder}/tree"),
        *builds,
        Command.of("rm", "-rf", folder),
    )


def clean_up(stack: Stack, sha: str) -> Command:
    """Removes what a build that was cut short leaves."""
    return Command.of("rm", "-rf", _folder(stack, sha))


def _export(now: State, target: Target, folder: str) -> Iterator[Command]:
    """The files as a checkout makes them, with the same modes, which the build cache knows again: `git archive` leaves some out,
    changes others, and knows no submodules. Index and folder are its own, so the tree's stay as they are."""
    repositories = [("", target.commit.sha), *((f"/{one.path}", one.sha) for one in target.submodules)]
    yield from umask(now)
    yield Command.of("mkdir", f"{folder}/tree")
    yield Command.of("chmod", f"--reference={now.stack.work_tree}", f"{folder}/tree")  # folders inherit the group's bit from it
    for number, (path, sha) in enumerate(repositories):
        words = ("-c", "core.splitIndex=false", f"--work-tree={folder}/tree{path}", "read-tree", "--reset", "-u", sha)
        git_there = git.command(now.stack.work_tree + path, *words)
        yield Command.of("env", f"GIT_INDEX_FILE={folder}/index{number}", *git_there.argv)


def _copies(now: State, export: str) -> Iterator[Command]:
    """What a build needs and git lacks. Copies, since a build follows no link out of its folder; the folder is private."""
    tree, paths = now.stack.work_tree, [path.removeprefix(f"{now.stack.work_tree}/") for path in beside(now)]
    if paths:
        copy = 'cd "$1"; to=$2; shift 2; for path; do [ ! -e "$path" ] || [ -e "$to/$path" ] || cp -p --parents -- "$path" "$to"; done'
        yield Command.of("sh", "-euc", copy, "sh", tree, export, *paths)


def _of_way(way: Compose, images: Mapping[str, str], folder: str) -> tuple[Command, ...]:
    file = f"{folder}/images.json"
    override = json.dumps({"services": {service: {"image": image} for service, image in images.items()}})
    return (Command.of("printf", "%s\\n", override).to(file), way.command("-f", file, "build", *images))


def _folder(stack: Stack, sha: str) -> str:
    return f"{stack.state}/build/{sha[:12]}"
