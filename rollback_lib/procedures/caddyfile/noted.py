"""What the plan of a Caddyfile rollback notes about the host: hashes of the file on the host, of the file in the container, and of the
configuration that Caddy has loaded."""

from datetime import datetime

from rollback_lib.plan.noted import Noted
from rollback_lib.procedures.common.noted_file import NotedFile


class Before(Noted):
    """The state before the rollback. `inside` is the file as the container sees it, `live` what Caddy has loaded; None if it could not
    be read. `started` is when the container was started."""

    file: NotedFile
    inside: str | None
    live: str | None
    started: datetime


class After(Noted):
    """The state that is asked for: the file, and the configuration that Caddy loads from it. `reload` is True if Caddy keeps running."""

    file: str
    live: str
    reload: bool
