"""The parameters of the env rollback: names and references, never values."""

import os
import re
from collections.abc import Mapping

from rollback_lib.commands import env_file
from rollback_lib.errors import ParameterError
from rollback_lib.procedures.common import snapshots
from rollback_lib.procedures.common.chosen import chosen
from rollback_lib.stack.model import Stack

NAME = "env"
TARGET = re.compile(r"[A-Za-z0-9._@+~-]{1,200}")
_REFERENCE = re.compile(rf"({env_file.KEY.pattern})=(?:env:([A-Za-z_]\w*)|file:(/[A-Za-z0-9._@+/-]+))")


def check(
    stack: Stack, target: object = "", keys: object = "", assign: object = "", remove: object = "", file: object = ""
) -> None:  # fmt: skip
    """Check the parameters before anything is contacted. Raises ParameterError, whose message never quotes what could be a value."""
    chosen("file", file, stack.section(NAME).paths)
    texts = {"target": target, "keys": keys, "assign": assign, "remove": remove}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise ParameterError(f"{name}: a text is expected; give it with `-r {name} …` or in quotes")
    if target and not TARGET.fullmatch(str(target)):
        raise ParameterError("target: the name of a kept version is expected; take one from the list of candidates")
    for name in ("keys", "remove"):
        if not all(env_file.KEY.fullmatch(word) for word in words(str(texts[name]))):
            raise ParameterError(f"{name}: names of variables, separated by commas, are expected")
    _check_references(str(assign))
    named = [*words(str(keys)), *words(str(remove)), *references(str(assign))]
    twice = sorted({key for key in named if named.count(key) > 1})
    if twice:
        raise ParameterError(f"{', '.join(twice)} is named more than once in keys, assign and remove; name it in one only")


def _check_references(assign: str) -> None:
    for word in words(assign):
        matched = _REFERENCE.fullmatch(word)
        if matched is None:
            raise ParameterError(
                "assign: KEY=env:NAME (a variable of your environment) or KEY=file:/PATH (a file on the host) is expected; "
                "never put a value itself into a parameter: parameters are kept in the record"
            )
        if matched[2] and matched[2] not in os.environ:
            raise ParameterError(f"assign: {matched[1]}: your environment has no variable {matched[2]}; export it first")


def words(text: str) -> list[str]:
    """The words of a list that is separated by commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def references(assign: str) -> Mapping[str, str]:
    """For each KEY that is assigned, where its value comes from: `env:NAME` or `file:/PATH`."""
    return dict(word.split("=", 1) for word in words(assign) if "=" in word)


def kept(stack: Stack, path: str) -> str:
    """The name under which versions of a file are kept."""
    return snapshots.of_env(stack, path)
