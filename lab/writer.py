"""A client that writes to the voice database ten times a second, and reconnects whenever its connection breaks."""

import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from lab.practice_host import PracticeHost

NAME = "lab-writer"
EVERY = 0.1  # seconds between two writes
# Prints the number and time of each write once the server has acknowledged it. When it is told to end, it finishes the write first.
_CLIENT = f"""
import json, os, signal, time, psycopg2
number, connection, due, told = 0, None, time.time(), []
signal.signal(signal.SIGTERM, lambda *_: told.append(True))
while not told:
    due = max(due + {EVERY}, time.time())
    number += 1
    try:
        if connection is None or connection.closed:
            connection = psycopg2.connect(os.environ["DATABASE_URL"], connect_timeout=2)
            connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO events (at, kind, detail) VALUES (now(), 'lab-writer', %s)", [json.dumps({{"n": number}})])
        print(number, time.time(), flush=True)
    except psycopg2.Error:
        connection = None
    time.sleep(max(0, due - time.time()))
"""


@dataclass(frozen=True)
class Write:
    """A write that the server has acknowledged."""

    number: int
    at: datetime


class Writer:
    """Writes to the database inside a `with` statement. At its end, `writes` are those that were acknowledged."""

    def __init__(self, host: PracticeHost) -> None:
        self._host = host
        self.writes: list[Write] = []

    def __enter__(self) -> "Writer":
        self._host.exec(
            f"set -a; . /opt/dyniq-voice/.env; docker run -d --name {NAME} --network voice_default -e DATABASE_URL "
            f"python:3.13-slim python3 -c {shlex.quote(_CLIENT)} >/dev/null"
        )
        while not self.acknowledged():
            time.sleep(EVERY)
        return self

    def __exit__(self, *_: object) -> None:
        self._host.exec(f"docker stop -t 30 {NAME} >/dev/null")
        self.writes = self.acknowledged()
        self._host.exec(f"docker rm --force {NAME} >/dev/null")

    def story(self, kept: str) -> str:
        """In a sentence or two, how long the client could not write, and whether all its writes before the swap are in the database `kept`,
        the one that was live before."""
        argv = f"docker exec voice-postgres-1 psql -X -A -t -U dyniq -d {kept} -c"
        query = f"{argv} \"SELECT detail->>'n' FROM events WHERE kind = '{NAME}'\""
        numbers = self._host.exec(f"{query} || true").split()  # if the run was refused, nothing was swapped, and there is no such database
        kept_numbers = {int(number) for number in numbers if number.isdigit()}
        before = [write.number for write in self.writes if kept_numbers and write.number <= max(kept_numbers)]
        cut_off = f"A client that wrote {1 / EVERY:.0f} times a second was cut off for {interruption(self.writes):.2f} s at most."
        lost = [number for number in before if number not in kept_numbers]
        if lost:
            return f"{cut_off} {len(lost)} writes are lost."
        if not before:
            return f"{cut_off} Nothing was swapped."
        return f"{cut_off} Its {len(before)} writes acknowledged before the swap, up to number {before[-1]}, are all in {kept}."

    def acknowledged(self) -> list[Write]:
        """The acknowledged writes so far."""
        lines = [line.split() for line in self._host.exec(f"docker logs {NAME}").splitlines()]
        return [Write(int(number), datetime.fromtimestamp(float(at), UTC)) for number, at in lines]


def interruption(writes: Sequence[Write]) -> float:
    """The longest time between two acknowledged writes, in seconds."""
    return max((later.at - earlier.at).total_seconds() for earlier, later in pairwise(writes))
