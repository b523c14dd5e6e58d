"""Where a stack file is put: under a name of its own, whole or not at all, and never in the place of another."""

import os
import secrets
from pathlib import Path

from rollback_lib.discovery.fitting import STACK_NAME, fits
from rollback_lib.errors import ParameterError
from rollback_lib.stack import schema


def free(folder: Path, name: str) -> Path:
    """The path of the stack file of that name. Raises ParameterError where it cannot be one, or is there."""
    if not fits(STACK_NAME, name):
        raise ParameterError(f"--name {name!r}: a name of small letters, digits and - is expected, such as shop-2")
    if not folder.is_dir():
        raise ParameterError(f"there is no folder {folder} for stack files; make a runbook folder with `rollback init .` first")
    file = folder / f"{name}.yaml"
    if file.exists() or file.is_symlink():
        raise _taken(file)
    return file


def put(file: Path, text: str) -> None:
    """Write a stack file, and the schema beside it. Raises ParameterError where that cannot be, with nothing left behind."""
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        schema.put_beside(file.parent)
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w", encoding="utf-8") as content:
            content.write(text)
            content.flush()
            os.fsync(content.fileno())
        os.link(part, file)  # which replaces nothing
    except FileExistsError:
        raise _taken(file) from None
    except OSError as error:
        raise ParameterError(f"{file} cannot be written ({error.strerror}); make room, or let us write there") from None
    finally:
        part.unlink(missing_ok=True)


def _taken(file: Path) -> ParameterError:
    return ParameterError(
        f"{file} is there, and is not overwritten; give another name with --name, or see whether it is still right: "
        f"`rollback check --stack {file.stem}`"
    )
