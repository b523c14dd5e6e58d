"""The places, other than files on the host, from which backups of a database come. Each is a module, and a key here."""

from collections.abc import Sequence

from pydantic import Field, model_validator

from rollback_lib.stack.sources.borg import Borg
from rollback_lib.stack.sources.output import Output
from rollback_lib.stack.sources.restic import Restic
from rollback_lib.stack.sources.s3 import S3
from rollback_lib.stack.sources.source import Copy, Source
from rollback_lib.stack.values import Keys

__all__ = ["Copy", "Place", "Source", "expect", "words"]


class Place(Keys):
    """A place, other than files on the host, from which backups of the database come. Give one of these."""

    restic: Restic | None = Field(default=None, description="A restic repository.")
    borg: Borg | None = Field(default=None, description="A Borg repository.")
    s3: S3 | None = Field(default=None, description="A bucket of S3.")
    command: Output | None = Field(default=None, description="The output of a command.")

    @model_validator(mode="after")
    def _one(self) -> "Place":
        if len([name for name in type(self).model_fields if getattr(self, name) is not None]) != 1:
            raise ValueError(f"one of {', '.join(type(self).model_fields)} is expected")
        return self

    @property
    def source(self) -> Source:
        """The place itself."""
        found: Source = next(one for name in type(self).model_fields if (one := getattr(self, name)) is not None)
        return found


def expect(backups: str, places: Sequence[Place]) -> None:
    """Raises ValueError for a section that says nowhere where its backups are: neither as files on the host nor in a place."""
    if not backups and not places:
        raise ValueError("backups: a path is expected, or a place in sources")


def words(backups: str, places: Sequence[Place]) -> str:
    """Where the backups of a section are, in words."""
    return ", ".join([*([backups] if backups else []), *(place.source.words for place in places)])
