"""The section of a stack that asks for a second person: which rollbacks need an approval, of how many, and who may give it."""

from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, PositiveInt, model_validator

from rollback_lib.errors import ParameterError
from rollback_lib.stack.values import Keys, Name, local_path


def _day(value: object) -> object:
    """YAML has days as such, JSON as text."""
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError("a day such as 2026-12-20 is expected") from None
    return value


Day = Annotated[date, BeforeValidator(_day)]
# `defer_build`: few stacks have this section, and to build what checks it takes milliseconds in every process.


class Freeze(Keys, defer_build=True):
    """Days on which every rollback asks for an approval, such as those before Christmas. Both days are included, in UTC."""

    since: Day = Field(description="The first day.")
    until: Day = Field(description="The last day.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until < self.since:
            raise ValueError("until is expected to be no earlier than since")
        return self


class Approval(Keys, defer_build=True):
    """Which rollbacks need the approval of another person. An undo never does: the way back is part of what was approved."""

    signers: str = Field(
        min_length=1, description="The file of those who may approve (allowed_signers of ssh-keygen(1)); relative to the runbook folder."
    )
    count: PositiveInt = Field(default=1, description="How many have to approve.")
    procedures: list[Name] = Field(
        default_factory=list, alias="for", description="The procedures that need it, such as `[database, redeploy]`; in a freeze, all do."
    )
    freezes: list[Freeze] = Field(default_factory=list, description="Days on which every rollback needs it.")

    @model_validator(mode="after")
    def _asks(self) -> Self:
        if not (self.procedures or self.freezes):
            raise ValueError("either `for` is expected, or `freezes`: without both nobody is ever asked")
        return self

    def why(self, procedures: Collection[str], day: date) -> str:
        """Why a rollback by these procedures needs an approval on this day (UTC), as the end of a sentence; "" if it needs none."""
        frozen = next((one for one in self.freezes if one.since <= day <= one.until), None)
        if frozen:
            return f"there is a freeze until {frozen.until}"
        asked = [name for name in self.procedures if name in procedures]
        return f"the stack asks for it before {' and '.join(asked)}" if asked else ""

    @property
    def file(self) -> Path:
        """The file of those who may approve, on this machine."""
        return local_path(self.signers)

    def check(self) -> None:
        """Raises ParameterError if there is no file of those who may approve."""
        if not self.file.is_file():
            raise ParameterError(f"approval.signers: there is no file {self.file}; write it (docs/approval.md)")
