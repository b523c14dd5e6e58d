"""The places, other than files on the host, from which backups of a database come. Each is a module, and a key here."""

from pydantic import Field, model_validator

from rollback_lib.stack.sources.borg import Borg
from rollback_lib.stack.sources.output import Output
from rollback_lib.stack.sources.restic import Restic
from rollback_lib.stack.sources.s3 import S3
from rollback_lib.stack.sources.source import Copy, Source
from rollback_lib.stack.values import Keys

__all__ = ["Copy", "Place", "Source"]


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
