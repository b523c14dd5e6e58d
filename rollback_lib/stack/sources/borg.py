"""Backups in a Borg repository. Nothing is written to it: its lock is passed over, and what Borg wants to remember is thrown away."""

import json

from pydantic import Field

from rollback_lib.commands.command import Command
from rollback_lib.stack.sources.source import LISTING, Copy, Location, Source, moment, nameable
from rollback_lib.stack.values import HostPath, Name

# Borg asks on the terminal about a repository that it does not remember; there is nobody to answer.
_RUN = r"""
t=$(mktemp -d); trap 'rm -rf "$t"' EXIT; trap 'exit 1' HUP INT TERM
export BORG_CACHE_DIR="$t/cache" BORG_SECURITY_DIR="$t/security" TZ=UTC
export BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes BORG_RELOCATED_REPO_ACCESS_IS_OK=yes
borg "$@" </dev/null
"""


class Borg(Source):
    """Archives in a Borg repository, each with one file that is a backup of the database. Borg 1 runs on the host."""

    repository: Location = Field(description="The repository.")
    path: HostPath = Field(description="The file in the archives.")
    prefix: Name | None = Field(default=None, description="Only archives whose names begin so.")

    @property
    def words(self) -> str:
        return f"Borg {self.repository}"

    def listing(self) -> Command:
        only = ("--glob-archives", f"{self.prefix}*") if self.prefix else ()
        return self.call(_RUN, "list", "--bypass-lock", "--json", *only, self.repository, within=LISTING)

    def read(self, out: str) -> list[Copy]:
        return nameable([Copy(f"borg:{one['name']}", one["name"], moment(one["start"]), None) for one in json.loads(out)["archives"]])

    def stream(self, id: str) -> Command:
        return self.call(_RUN, "extract", "--bypass-lock", "--stdout", f"{self.repository}::{id}", self.path.lstrip("/"))
