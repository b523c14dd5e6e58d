"""Backups in a restic repository. Nothing is written to it: no lock is taken, and no cache is made."""

import json

from pydantic import Field

from rollback_lib.commands.command import Command
from rollback_lib.stack.sources.source import LISTING, Copy, Location, Source, moment, nameable
from rollback_lib.stack.values import HostPath, Name

_QUIET = ("--no-lock", "--no-cache", "--quiet")


class Restic(Source):
    """Snapshots in a restic repository, each with one file that is a backup of the database. restic runs on the host."""

    repository: Location | None = Field(default=None, description="The repository; by default what `RESTIC_REPOSITORY` in `secrets` names.")
    path: HostPath = Field(description="The file in the snapshots.")
    tag: Name | None = Field(default=None, description="Only snapshots with this tag.")
    host: Name | None = Field(default=None, description="Only snapshots of this host.")

    @property
    def words(self) -> str:
        return f"restic {self.repository or 'repository'}"

    def listing(self) -> Command:
        only = [word for key, value in (("--tag", self.tag), ("--host", self.host)) if value for word in (key, value)]
        return self._restic("--json", "snapshots", *only, within=LISTING)

    def read(self, out: str) -> list[Copy]:
        raw = json.loads(out) or []
        return nameable([Copy(f"restic:{one['id'][:8]}", one["id"], moment(one["time"]), None) for one in raw])

    def stream(self, id: str) -> Command:
        return self._restic("dump", id, self.path)

    def _restic(self, *words: str, within: int | None = None) -> Command:
        where = ("-r", self.repository) if self.repository else ()
        return self.call('exec restic "$@"', *_QUIET, *where, *words, within=within)
