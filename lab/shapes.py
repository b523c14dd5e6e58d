"""Shapes: the ways in which a practice host can differ from the seeded one. Each value of a dimension is a script in `shapes/`; if the
stack file differs for it, there is also a YAML file with those keys."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from rollback_lib.errors import ParameterError

LAB = Path(__file__).parent
# The dimensions, in the order in which they are applied. The first value of each is that of the seeded host.
DIMENSIONS: dict[str, tuple[str, ...]] = {
    "versions": ("debian", "compose-2.40", "caddy-2.11", "postgres-18", "postgres-15", "docker-28"),
    "layout": ("docker", "root", "project-directory", "two-files", "profiles", "include", "shop"),
    "git": ("plain", "submodule", "filter", "hook", "worktree"),
    "replicas": ("1", "3"),
    "user": ("root", "deploy", "ops"),
    "shell": ("bash", "noisy", "dash", "fish", "tcsh"),
}
SEEDED = {dimension: values[0] for dimension, values in DIMENSIONS.items()}


def parse(text: str) -> dict[str, str]:
    """Read a shape as written on the command line, such as `user=deploy,shell=fish`. Raises ParameterError."""
    words = [word.partition("=")[::2] for word in text.split(",")]
    return check(dict(words))


def check(shape: Mapping[str, str]) -> dict[str, str]:
    """The values that differ from the seeded host, in the order in which they are applied. Raises ParameterError for an unknown dimension
    or value."""
    for dimension, value in shape.items():
        if dimension not in DIMENSIONS:
            raise ParameterError(f"there is no dimension {dimension!r} of practice hosts; there are: {', '.join(DIMENSIONS)}")
        if value not in DIMENSIONS[dimension]:
            raise ParameterError(f"{dimension}: there is no {value!r}; there are: {', '.join(DIMENSIONS[dimension])}")
    return {dimension: shape[dimension] for dimension in DIMENSIONS if shape.get(dimension, SEEDED[dimension]) != SEEDED[dimension]}


def team(script: str) -> str:
    """A script of the lab, after the variables and functions in team.sh."""
    return (LAB / "team.sh").read_text() + script


def script(dimension: str, value: str, user: str) -> str:
    """The script that gives a host this value. Root runs it on the host. `user` is the user who deploys there."""
    make = (LAB / "shapes" / dimension / f"{value}.sh").read_text()
    return team(f"user={user}\n" + (LAB / "shapes" / "shape.sh").read_text() + make)


def parameters(shape: Mapping[str, str]) -> dict[str, Any]:
    """The keys of the stack file that differ for a shape."""
    files = [LAB / "shapes" / dimension / f"{value}.yaml" for dimension, value in shape.items()]
    return {key: value for file in files if file.exists() for key, value in yaml.safe_load(file.read_text()).items()}
