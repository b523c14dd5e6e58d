"""Where this project's own folders are, and which version of it this is."""

from functools import cache
from pathlib import Path

PROJECT = Path(__file__).parent.parent
PACKAGE = "rollback-runbooks"


@cache
def version() -> str:
    """The version of the package, as it is installed; "unknown" where it is used without being installed."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed(PACKAGE)
    except PackageNotFoundError:
        return "unknown"
