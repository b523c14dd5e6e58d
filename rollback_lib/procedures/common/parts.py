"""The parts of a stack that a procedure is about, each as the parameters that name it."""

from collections.abc import Mapping, Sequence


def once(section: object) -> list[Mapping[str, str]]:
    """One part that needs no name, where the stack has the section."""
    return [] if section is None else [{}]


def by_name(parameter: str, names: Sequence[str]) -> list[Mapping[str, str]]:
    """A part for each name; a single one need not be named."""
    return [{}] if len(names) == 1 else [{parameter: name} for name in names]
