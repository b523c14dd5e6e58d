"""A stand-in for the functions of a procedure that look at the host."""

from typing import Any


class Looks:
    """Stands for a function of a procedure that looks at the host, such as `effects`. Each call returns the next of `found`, and the last
    one for all further calls. An exception is raised instead, and a function is called for its result. `count` is the number of calls."""

    def __init__(self, *found: Any) -> None:
        self._found = list(found)
        self.count = 0

    def __call__(self, *_: object) -> Any:
        self.count += 1
        found = self._found.pop(0) if len(self._found) > 1 else self._found[0]
        if isinstance(found, BaseException):
            raise found
        return found() if callable(found) else found
