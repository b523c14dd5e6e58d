"""Pages of a fleet in an archive, beside the records of the day that they tell of. They are locked as records are, and are in no chain:
what proves a rollback is its record."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rollback_lib.archive.store import Store
from rollback_lib.errors import ParameterError
from rollback_lib.text import times

_KEY = re.compile(r"\d{4}/\d{2}/\d{2}/fleet/\d{6}Z-[\w.-]+\.(html|json)", re.ASCII)


def is_page(key: str) -> bool:
    """Whether an object of an archive is such a page."""
    return _KEY.fullmatch(key) is not None


def send(store: Store, file: Path, days: int) -> str:
    """Write a page into an archive, locked for so many days where it has object lock. Returns its address. Raises Unusable, and
    ParameterError if there is no such file, or its name is not that of a page."""
    now = datetime.now(UTC)
    key = f"{times.day_folder(now.date())}/fleet/{times.compact(now)}-{file.name}"
    if not is_page(key):
        raise ParameterError(
            f"--page: a name of letters, digits, dots and dashes, ending in .html or .json, is expected, not {file.name!r}"
        )
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ParameterError(f"--page: {file} cannot be read ({error.strerror})") from None
    store.put(key, content, now + timedelta(days=days) if store.locks else None)
    return f"{store.address.rstrip('/')}/{key}"
