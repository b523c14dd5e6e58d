"""Which stacks a fleet has."""

from collections.abc import Sequence

from rollback_lib.errors import ParameterError
from rollback_lib.settings import home


def found(stacks: str | Sequence[str]) -> tuple[str, ...]:
    """The stack files that patterns such as parameters/fleet/*.yaml match in the runbook folder, each once; those of a pattern are sorted.
    No file is read. Raises ParameterError if a pattern matches none."""
    root, files = home(), dict[str, None]()
    for pattern in [stacks] if isinstance(stacks, str) else stacks:
        matched = sorted(str(file.relative_to(root)) for file in root.glob(pattern))
        if not matched:
            raise ParameterError(f"stacks: no file in {root} matches {pattern!r}; a pattern such as parameters/fleet/*.yaml is expected")
        files.update(dict.fromkeys(matched))
    return tuple(files)


def name(stack: str) -> str:
    """A stack as people call it: the name of its file without folder and ending."""
    return stack.rpartition("/")[2].removesuffix(".yaml").removesuffix(".yml")
