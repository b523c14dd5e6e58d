"""The parts of a stack to which a procedure applies, each as the parameters that name it."""

from collections.abc import Mapping, Sequence


def once(section: object) -> list[Mapping[str, str]]:
    """A single part without parameters if the stack has the section, else none."""
    return [] if section is None else [{}]


def by_name(parameter: str, names: Sequence[str]) -> list[Mapping[str, str]]:
    """A part for each name. If there is a single one, it has no parameters."""
    return [{}] if len(names) == 1 else [{parameter: name} for name in names]
