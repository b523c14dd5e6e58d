"""The messages between the runner and the process that runs the cells. Each is a line of JSON on a pipe.

The runner sends, each once or once a cell:

    start    what to load: `notebook`, and `parameters` if they are to be checked first
    run      `cell`, the number of a cell in the notebook, and its `source`

The process answers start with `refused` (`type`, `words`) or `checked`, then `ready`; and run with `begun`, any number of outputs, and
`done` (`ok`, `count`). An output is a message of its Jupyter type (stream, display_data, update_display_data, execute_result, error,
clear_output) with `content` as the Jupyter protocol has it, and `cell`.
"""

import json
import os
from collections.abc import Iterator
from typing import Any

Message = dict[str, Any]
CHUNK = 1024 * 1024


def write(descriptor: int, kind: str, **content: Any) -> None:
    """Write a message, as long as that may take. Raises BrokenPipeError if nobody reads any more."""
    line = json.dumps({"kind": kind, **content}).encode() + b"\n"  # JSON escapes line breaks within texts
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


class Reader:
    """Puts the messages together again from what comes through a pipe."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """The messages that are complete with this chunk."""
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            whole = b"".join((*self._parts, line))
            self._parts.clear()
            yield json.loads(whole)
        if rest:
            self._parts.append(rest)
