"""A real S3 server of its own for tests: SeaweedFS, on free ports of 127.0.0.1."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

KEYS = {"AWS_ACCESS_KEY_ID": "rollback", "AWS_SECRET_ACCESS_KEY": "only-for-tests", "AWS_DEFAULT_REGION": "us-east-1"}
_WEED = Path(sys.executable).with_name("weed")


class S3:
    """The server, with its data in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = dict(zip(("s3", "master", "filer", "volume"), _free(4), strict=True))
        self.environment: Mapping[str, str] = {**KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._ports['s3']}"}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._folder.mkdir(exist_ok=True)
        off = ("master.telemetry", "admin.ui", "webdav", "s3.autoCreateBucket")
        options = [f"-{name}.port={port}" for name, port in self._ports.items()] + [f"-{name}=false" for name in off]
        options += [f"-s3.port.{name}=0" for name in ("iceberg", "lance")]  # fixed ports, of which two servers could not share one
        command = [_WEED, "mini", f"-dir={self._folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", *options]
        with (self._folder.parent / "weed.log").open("ab") as log:
            self._process = subprocess.Popen(command, env={**os.environ, **KEYS}, stdout=log, stderr=log, cwd=self._folder)
        until = time.monotonic() + 60
        while True:
            try:
                self.call("list_buckets")
                return
            except Exception:  # whatever botocore raises while the server starts: it is asked again until the deadline
                assert self._process.poll() is None, "SeaweedFS has ended"
                assert time.monotonic() < until, "SeaweedFS does not answer"
                time.sleep(0.1)

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """One request to S3, as an operator would make it."""
        answer: dict[str, Any] = getattr(self._client, method)(**arguments)
        return answer

    @cached_property
    def _client(self) -> Any:
        import botocore.session

        known = {"aws_access_key_id": KEYS["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": KEYS["AWS_SECRET_ACCESS_KEY"]}
        endpoint = self.environment["AWS_ENDPOINT_URL"]
        return botocore.session.Session().create_client("s3", region_name="us-east-1", endpoint_url=endpoint, **known)


def _free(number: int) -> list[int]:
    """Free ports, whose ports for gRPC, 10,000 above, are free as well."""
    found: list[int] = []
    while len(found) < number:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1] - 10_000
            if port in found or port < 10_000:
                continue
            try:
                other.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
    return found
