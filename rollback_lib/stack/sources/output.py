"""Backups that a command prints: for a place of any other kind, and for a sidecar that keeps a single file without a date."""

from datetime import UTC, datetime

from pydantic import Field

from rollback_lib.commands.command import Command
from rollback_lib.stack.sources.source import LISTING, Copy, Source, nameable
from rollback_lib.stack.values import Name

HERE = "{}"  # the word of `fetch` that becomes the id of a backup


class Output(Source):
    """Backups that a command of the host prints. It is called as it stands here, word by word, without a shell."""

    name: Name = Field(description="What the place is called.")
    list_: list[str] = Field(
        alias="list", min_length=1,
        description="A command that prints a line for each backup: its time in seconds since 1970, its size in bytes (`-` where it is "
        "not known), and its name, with spaces between.",
    )  # fmt: skip
    fetch: list[str] = Field(min_length=1, description="A command that prints a backup; the word `{}` becomes its name.")

    @property
    def words(self) -> str:
        return f"command {self.name}"

    def listing(self) -> Command:
        return self.call('exec "$@"', *self.list_, within=LISTING)

    def read(self, out: str) -> list[Copy]:
        rows = [line.split(maxsplit=2) for line in out.splitlines() if line.strip()]
        return nameable([
            Copy(f"{self.name}:{name}", name, datetime.fromtimestamp(float(when), UTC), None if size == "-" else int(size))
            for when, size, name in rows
        ])  # fmt: skip

    def stream(self, id: str) -> Command:
        return self.call('exec "$@"', *(id if word == HERE else word for word in self.fetch))
