"""The section of a stack for a data file of a service: a SQLite database or the snapshot of a Redis, and where its backups are."""

from typing import Literal

from pydantic import Field, PositiveFloat, model_validator

from rollback_lib.stack import sources
from rollback_lib.stack.sources import Place
from rollback_lib.stack.values import HostPath, Keys, Name, Pattern


class Datafile(Keys, defer_build=True):
    """A data file of a service, and its backups: a SQLite database, or the snapshot (RDB) of a Redis."""

    name: Name = Field(description="What the file is called in parameters: `-p datafile=NAME`.")
    kind: Literal["sqlite", "redis"] = Field(description="What it is.")
    service: Name = Field(description="The compose service that writes it.")
    file: HostPath = Field(
        description="The file as the service sees it, such as `/data/notes.db` or `/data/dump.rdb`, in a volume or a mounted folder."
    )
    backups: Pattern = Field(default="", description="Where backups are on the host; the last part may have `*` and `?`.")
    sources: list[Place] = Field(
        default_factory=list, description="Other places where backups are, as for databases. `backups`, or one of these, is needed."
    )
    fresh: PositiveFloat = Field(default=26.0, description="Hours after which the newest backup is too old; a day later, readiness fails.")

    @model_validator(mode="after")
    def _has_backups(self) -> "Datafile":
        sources.expect(self.backups, self.sources)
        return self

    @property
    def where(self) -> str:
        """Where its backups are, in words."""
        return sources.words(self.backups, self.sources)
