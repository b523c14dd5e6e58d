"""Shapes: what practice hosts are like beside the seeded one. A value of a dimension is a script in `shapes/`, and where the
stack's parameters are others for it, a YAML file with those."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from rollback_lib.errors import ParameterError

LAB = Path(__file__).parent
# In the order in which they are made; the first value of each is what the seeded host is like.
DIMENSIONS: dict[str, tuple[str, ...]] = {
    "versions": ("debian", "compose-2.40", "caddy-2.11", "postgres-18", "postgres-15"),
    "layout": ("docker", "root", "project-directory", "two-files", "profiles", "include", "shop"),
    "git": ("plain", "submodule", "filter", "hook", "worktree"),
    "replicas": ("1", "3"),
    "user": ("root", "deploy", "ops"),
    "shell": ("bash", "noisy", "dash", "fish", "tcsh"),
}
SEEDED = {dimension: values[0] for dimension, values in DIMENSIONS.items()}


def parse(text: str) -> dict[str, str]:
    """A shape as it is written on the command line: `user=deploy,shell=fish`. Raises ParameterError."""
    words = [word.partition("=")[::2] for word in text.split(",")]
    return check(dict(words))


def check(shape: Mapping[str, str]) -> dict[str, str]:
    """The values that are not the seeded host's, in the order in which they are made. Raises ParameterError."""
    for dimension, value in shape.items():
        if dimension not in DIMENSIONS:
            raise ParameterError(f"there is no dimension {dimension!r} of practice hosts; there are: {', '.join(DIMENSIONS)}")
        if value not in DIMENSIONS[dimension]:
            raise ParameterError(f"{dimension}: there is no {value!r}; there are: {', '.join(DIMENSIONS[dimension])}")
    return {one: shape[one] for one in DIMENSIONS if shape.get(one, SEEDED[one]) != SEEDED[one]}


def team(script: str) -> str:
    """A script of the lab with what the team goes by before it."""
    return (LAB / "team.sh").read_text() + script


def script(dimension: str, value: str, user: str) -> str:
    """What makes a host so, to be run there by root."""
    make = (LAB / "shapes" / dimension / f"{value}.sh").read_text()
    return team(f"user={user}\n" + (LAB / "shapes" / "shape.sh").read_text() + make)


def parameters(shape: Mapping[str, str]) -> dict[str, Any]:
    """The keys of the stack's parameters that are others for a shape."""
    files = [LAB / "shapes" / dimension / f"{value}.yaml" for dimension, value in shape.items()]
    return {key: value for file in files if file.exists() for key, value in yaml.safe_load(file.read_text()).items()}
