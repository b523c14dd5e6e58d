"""The archive of a fleet from the point of view of a test: what is in the bucket, and what the `rollback` command says of it."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rollback_lib.settings import PROJECT
from tests.builders.s3 import S3


@dataclass(frozen=True)
class Archive:
    """The server, and the name of a bucket."""

    server: S3
    bucket: str

    @property
    def address(self) -> str:
        return f"s3://{self.bucket}/records"

    @property
    def environment(self) -> Mapping[str, str]:
        """What a worker needs to read and write it."""
        return self.server.environment

    def keys(self) -> list[str]:
        """Of all objects, in their order."""
        listed = self.server.call("list_objects_v2", Bucket=self.bucket, Prefix="records/")
        return [one["Key"] for one in listed.get("Contents", [])]

    def page(self, kind: str) -> str:
        """The newest fleet page of a kind."""
        key = [one for one in self.keys() if one.endswith(f"-{kind}.html")][-1]
        content: bytes = self.server.call("get_object", Bucket=self.bucket, Key=key)["Body"].read()
        return content.decode()

    def records(self, text: str, cache: Path) -> list[dict[str, Any]]:
        """The summaries of the records with a text, oldest first, as a machine sees them that has none of its own."""
        found: list[dict[str, Any]] = json.loads(self.said(cache, "search", text, "--json"))
        return found[::-1]

    def said(self, cache: Path, *words: str) -> str:
        """What `rollback incidents …` prints on such a machine; it must succeed."""
        env = {**os.environ, **self.environment, "XDG_CACHE_HOME": str(cache), "ROLLBACK_INCIDENTS": str(cache / "none")}
        argv = [PROJECT / ".venv/bin/rollback", "incidents", *words, "--archive", self.address]
        done = subprocess.run(argv, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
