"""Where things are: the runbook folder, the clone, and what this package brings; and which version of it this is."""

import os
import stat
import sys
from functools import cache
from pathlib import Path

from rollback_lib.errors import NoRunbookFolder

PACKAGE = "rollback-runbooks"
HOME_VARIABLE = "ROLLBACK_HOME"  # names the runbook folder
PARTS = ("notebooks", "parameters")  # what makes a folder a runbook folder

LIBRARY = Path(__file__).resolve().parent
_IN_WHEEL = LIBRARY / "shipped"  # where pyproject.toml has a wheel put the notebooks and stack files of the clone
PROJECT = LIBRARY.parent  # the clone, where this is one
SHIPPED = _IN_WHEEL if _IN_WHEEL.is_dir() else PROJECT  # has the notebooks/ and parameters/ that this version comes with


def home() -> Path:
    """The runbook folder: the one that ROLLBACK_HOME names, else the nearest from the current folder upwards, else the clone.
    Raises NoRunbookFolder."""
    named = os.environ.get(HOME_VARIABLE)
    if named:
        folder = Path(named).expanduser().resolve()
        if not is_runbook_folder(folder):
            raise NoRunbookFolder(
                f"{HOME_VARIABLE} is {named}, which has no notebooks/ and parameters/; "
                f"name another folder, or run `rollback init {folder}/` to make it one"
            )
        return folder
    found = _nearest() or clone()
    if found is None:
        raise NoRunbookFolder("there is no runbook folder here; `rollback init` makes one, and ROLLBACK_HOME names one elsewhere")
    return found


def clone() -> Path | None:
    """The clone that this package is used from; None where it was installed from a wheel."""
    return PROJECT if SHIPPED == PROJECT else None


def is_runbook_folder(folder: Path) -> bool:
    """Whether a folder has what makes it one."""
    try:
        return all((folder / part).is_dir() for part in PARTS)
    except OSError:  # it is not for us to look into
        return False


def _nearest() -> Path | None:
    """The nearest runbook folder from the current one upwards; none is a place such as /tmp, where anybody can put a notebook."""
    try:
        here = Path.cwd()
    except OSError:  # it was removed
        return None
    for folder in (here, *here.parents):
        if is_runbook_folder(folder) and not folder.stat().st_mode & stat.S_ISVTX:
            return folder
    return None


@cache
def version() -> str:
    """The version of the package, as it is installed; "unknown" where it is used without being installed."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed(PACKAGE)
    except PackageNotFoundError:
        return "unknown"


# Libraries import these for parts of theirs that are not used here. paramiko would read SSH configurations with the first, and httpx has a
# command line with the second. The others check formats of strings in JSON schemas: one of addresses, which compiles a grammar for a
# second, and those of two more kinds, which no schema of a notebook has.
SSH_CONFIGURATION, COMMAND_LINE, ADDRESSES = "invoke", "click", "rfc3987_syntax"
FORMATS = (ADDRESSES, "rfc3986_validator", "isoduration")


def import_less(*names: str) -> None:
    """Keep libraries from importing these modules, so that this process starts sooner."""
    for name in names:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"  # pydantic would search all packages for plug-ins of its own
