"""A commit's images, built from an export of it beside the tree: a build that fails leaves tree, tags and containers alone."""

import json
from collections.abc import Mapping

from rollback_lib.command import Command
from rollback_lib.compose import Compose
from rollback_lib.facts import git
from rollback_lib.procedures.code.state import State
from rollback_lib.procedures.code.target import beside
from rollback_lib.stack import Stack

BUILD_DEADLINE = 900.0  # seconds


def commands(now: State, sha: str, images: Mapping[str, str]) -> tuple[Command, ...]:
    """Builds the images of a commit, by service, under these names."""
    stack, folder = now.stack, _folder(now.stack, sha)
    ways: dict[Compose, dict[str, str]] = {}
    for one in now.services:
        if one.service in images and one.compose:
            ways.setdefault(one.compose, {})[one.service] = images[one.service]
    builds = [command for way, mine in ways.items() for command in _of_way(way.moved(stack.tree, folder), mine, f"{folder}.json")]
    return (
        Command.of("rm", "-rf", folder),
        Command.of("mkdir", "-m", "700", folder),
        # The modes a checkout would give: otherwise the build cache would not know the files again.
        git.command(stack.tree, "-c", "tar.umask=0022", "archive", sha).pipe("tar", "-x", "-C", folder),
        *(Command.of("ln", "-sf", path, folder + path.removeprefix(stack.tree)) for path in beside(now)),
        *builds,
        Command.of("rm", "-rf", folder, f"{folder}.json"),
    )


def clean_up(stack: Stack, sha: str) -> Command:
    """Removes what a build that was cut short leaves."""
    return Command.of("rm", "-rf", _folder(stack, sha), f"{_folder(stack, sha)}.json")


def _of_way(way: Compose, images: Mapping[str, str], file: str) -> tuple[Command, ...]:
    override = json.dumps({"services": {service: {"image": image} for service, image in images.items()}})
    return (Command.of("printf", "%s\\n", override).to(file), way.command("-f", file, "build", *images))


def _folder(stack: Stack, sha: str) -> str:
    return f"{stack.state}/build/{sha[:12]}"
