"""Where a run is watched, and what a person sees."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from rollback_lib.plan.plan import Plan
from rollback_lib.record.state import RunState
from rollback_lib.run.stages import Opening
from rollback_lib.secrets.redactor import Redactor


class Console(Protocol):
    """Where a run is watched: lines as they come, things to look at, and the gate for a person."""

    def hide(self, redactor: Redactor) -> None:
        """Show nothing of what this one knows to be secret."""
        ...

    def line(self, text: str) -> None: ...
    def show(self, thing: object) -> None: ...
    def gate(self, word: str, said: str, on_confirmed: Callable[[], None]) -> bool:
        """Ask for `word` to be typed, saying what that lets happen; False where nobody can be asked."""
        ...

    def follow(self, run: "Followed") -> AbstractContextManager[None]:
        """Let a person follow what happens inside of it, and stop it."""
        ...


class Followed(Protocol):
    """A run as a person follows it."""

    @property
    def opening(self) -> Opening: ...
    @property
    def plan(self) -> Plan | None: ...
    @property
    def state(self) -> RunState: ...
    def seconds(self) -> float: ...
    def events(self) -> list[dict[str, Any]]: ...
    def stop(self) -> None: ...
    def cut_short(self) -> bool: ...


class Unattended:
    """A run that nobody follows: its lines go to `write`, freed of secrets, and nobody is asked."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._redactor = Redactor()

    def hide(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def line(self, text: str) -> None:
        self._write(self._redactor.clean(text))

    def show(self, thing: object) -> None: ...

    def gate(self, word: str, said: str, on_confirmed: Callable[[], None]) -> bool:
        return False

    def follow(self, run: Followed) -> AbstractContextManager[None]:
        return nullcontext()
