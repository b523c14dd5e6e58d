"""What the plan of a Caddyfile rollback notes of the host: the file on both sides of the mount, and what Caddy has loaded, as hashes."""

from datetime import datetime

from rollback_lib.plan.noted import Noted
from rollback_lib.procedures.common.noted_file import NotedFile


class Before(Noted):
    """What was before; `inside` is the file as the container sees it, `live` what Caddy has loaded, None where they could not be read;
    `started` is when the container was started."""

    file: NotedFile
    inside: str | None
    live: str | None
    started: datetime


class After(Noted):
    """What is asked for: the file, what Caddy makes of it, and whether it keeps running (`reload`)."""

    file: str
    live: str
    reload: bool
