"""Stands for a look at the host, without a host."""

from typing import Any


class Looks:
    """Stands for a function of a procedure that looks at the host.

    Each call returns the next of `found`; once only the last is left, it is returned every time. An exception is raised instead, and a
    function is called for its result. `count` is how often this was called.
    """

    def __init__(self, *found: Any) -> None:
        self._found = list(found)
        self.count = 0

    def __call__(self, *_: object) -> Any:
        self.count += 1
        found = self._found.pop(0) if len(self._found) > 1 else self._found[0]
        if isinstance(found, BaseException):
            raise found
        return found() if callable(found) else found
