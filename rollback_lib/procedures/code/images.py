"""Building the images of a commit. They are built from an export of the commit, outside of the tree, so that a failed build changes
neither the tree nor tags nor containers."""

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
    """The commands that build the target's images. `images` gives the name of the image for each service to build."""
    stack, folder = now.stack, _folder(now.stack, target.commit.sha)
    ways: dict[Compose, dict[str, str]] = {}
    for deployed in now.services:
        if deployed.service in images and deployed.compose:
            ways.setdefault(deployed.compose, {})[deployed.service] = images[deployed.service]
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
    """The command that removes what an interrupted build leaves."""
    return Command.of("rm", "-rf", _folder(stack, sha))


def _export(now: State, target: Target, folder: str) -> Iterator[Command]:
    """Export the files of the commit as a checkout would write them, with the same modes, so that the build cache recognises them.

    `git archive` would not do: it leaves some files out, changes others, and ignores submodules. The export has an index and a folder
    of its own; those of the tree stay as they are.
    """
    repositories = [("", target.commit.sha), *((f"/{module.path}", module.sha) for module in target.submodules)]
    yield from umask(now)
    yield Command.of("mkdir", f"{folder}/tree")
    yield Command.of("chmod", f"--reference={now.stack.work_tree}", f"{folder}/tree")  # new folders inherit its setgid bit
    for number, (path, sha) in enumerate(repositories):
        words = ("-c", "core.splitIndex=false", f"--work-tree={folder}/tree{path}", "read-tree", "--reset", "-u", sha)
        git_there = git.command(now.stack.work_tree + path, *words)
        yield Command.of("env", f"GIT_INDEX_FILE={folder}/index{number}", *git_there.argv)


def _copies(now: State, export: str) -> Iterator[Command]:
    """Copy the files that a build needs and git does not have, such as env files. Links would not do, since a build follows no link out
    of its folder. The folder is readable for its owner only."""
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
