"""The start page of one stack: a working copy in a folder of its own, which the server of `rollback open` runs when a person opens it."""

from pathlib import Path

from rollback_lib.runbook import metadata, working_copy
from rollback_lib.settings import home

_FOLDER = "stacks"  # in the folder for working copies


def of(stack: str, place: Path) -> Path:
    """The page of a stack in parameters/, below the folder `place` for working copies. It is made if needed."""
    return working_copy.unused(metadata.start(), place / _FOLDER / stack, {"stack": stack}, name=stack, ran=True)


def renew(file: Path, place: Path) -> bool:
    """Make the file anew if it is such a page, of a stack in parameters/, and no cell of it was changed. Returns whether it is one: then
    all that it runs is ours, whoever wrote the file."""
    stack = file.parent.name
    if file.parent != place / _FOLDER / stack or not file.is_file() or not (home() / "parameters" / f"{stack}.yaml").is_file():
        return False
    source, given = metadata.start(), {"stack": stack}
    if not working_copy.same(file, source, given):
        return False
    working_copy.copy(source, file, given)
    return True
