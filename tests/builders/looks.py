"""What a look at the host finds, without a host."""

from typing import Any


class Looks:
    """Stands for a procedure's look: finds these things one after the other, the last one again and again; an error is raised,
    and what is a function is asked for it. `count` is how often it was looked."""

    def __init__(self, *found: Any) -> None:
        self._found = list(found)
        self.count = 0

    def __call__(self, *_: object) -> Any:
        self.count += 1
        found = self._found.pop(0) if len(self._found) > 1 else self._found[0]
        if isinstance(found, BaseException):
            raise found
        return found() if callable(found) else found
