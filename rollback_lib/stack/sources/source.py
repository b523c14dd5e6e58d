"""What every place is asked from which backups come: which backups it has, and the bytes of one of them."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from rollback_lib.commands.command import Command
from rollback_lib.stack.values import HostPath, Keys

LISTING = 20  # seconds for the answer of a place; one that takes longer counts as away
NAME = re.compile(r"[0-9A-Za-z._@+/=:-]{1,240}")  # names of backups that can be targets


@dataclass(frozen=True)
class Copy:
    """A backup in a place. `name` is what a person calls it, `id` what the place calls it and never gives to anything else. `size` is in
    bytes; None if the place does not say."""

    name: str
    id: str
    when: datetime
    size: int | None


def _location(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._@+:/-]+", value) or re.search(r"//[^/]*:[^/]*@", value):
        raise ValueError("a path or an address is expected, without a password in it; that belongs in the file of `secrets`")
    return value.rstrip("/")


Location = Annotated[str, AfterValidator(_location)]


class Source(Keys):
    """Base of the places. Each runs a program on the host. The values that it needs are in a file of the host, and never leave that."""

    secrets: HostPath | None = Field(
        default=None, description="A file on the host with lines `NAME=value` for sh: what the program takes from its environment."
    )

    @property
    def words(self) -> str:
        """What the place is called where people read it."""
        raise NotImplementedError

    def listing(self) -> Command:
        """A command that prints the backups. It writes nothing."""
        raise NotImplementedError

    def read(self, out: str) -> list[Copy]:
        """The backups, from what `listing` printed. Raises ValueError, LookupError or TypeError for something else."""
        raise NotImplementedError

    def stream(self, id: str) -> Command:
        """A command that prints the bytes of the backup with this id. It fails unless all of them were printed as they were stored."""
        raise NotImplementedError

    def call(self, script: str, *words: str, within: int | None = None) -> Command:
        """A script for the host's sh, with these words, and with the secrets in its environment; within so many seconds."""
        load = 'set -a; . "$0"; set +a; ' if self.secrets else ""
        limit = ("timeout", "-k", "5", str(within)) if within else ()
        return Command.of(*limit, "sh", "-euc", load + script, self.secrets or "sh", *words)


def moment(text: str) -> datetime:
    """A time as such programs write it, in UTC if it names no zone. Raises ValueError."""
    short = re.sub(r"(\.\d{1,6})\d*", r"\1", text)  # nanoseconds
    found = datetime.fromisoformat(short)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def nameable(copies: list[Copy]) -> list[Copy]:
    """The copies whose names can be given as a target; the others cannot be chosen."""
    return [one for one in copies if NAME.fullmatch(one.name)]
