"""Questions about stores and about the places of their backups."""

from datetime import UTC, datetime
from typing import Any

from rollback_lib.facts import backups, stores
from rollback_lib.facts.docker import Mount
from rollback_lib.facts.fact import Fact
from rollback_lib.stack.sources import Place
from tests.builders.containers import container

PLACES = {
    "restic": {"path": "/f"}, "borg": {"repository": "/r", "path": "/f"}, "s3": {"url": "s3://bucket/f-*"},
    "command": {"name": "x", "list": ["x"], "fetch": ["x"]},
}  # fmt: skip
SOURCES = {name: Place.model_validate({name: key}).source for name, key in PLACES.items()}
FILES = stores.held(container("db", image_name="postgres:17", volumes=(Mount("data", "/var/lib/postgresql/data"),)))
assert FILES
STORED: dict[str, Fact[Any]] = {
    "files_of_a_store": FILES,
    "variables_of_an_image": stores.environment("x"),
    "opened": backups.opened(backups.Backup("x", 0, datetime.now(UTC), None, "", "", "", None, "", "x", SOURCES["restic"])),
    **{f"backups_of_{name}": backups.of_source(source) for name, source in SOURCES.items()},
}
