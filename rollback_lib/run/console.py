"""What a run needs of the place where a person watches it: JupyterLab or a terminal."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from rollback_lib.plan.plan import Plan
from rollback_lib.record.state import RunState
from rollback_lib.run.stages import Opening
from rollback_lib.secrets.redactor import Redactor


@dataclass(frozen=True)
class Approvals:
    """Who has approved a plan so far, in `words`, a sentence without its full stop; `complete` once enough have. `missing` says in a
    sentence what is missing, and `ask` is the command by which another person approves it."""

    complete: bool
    words: str
    missing: str
    ask: str


class Awaited(Protocol):
    """An approval that a gate waits for."""

    def look(self) -> Approvals:
        """How far it is now. Another thread may call this. Raises RollbackError if the host cannot be asked."""
        ...


class Console(Protocol):
    """Where a person watches a run. It shows lines as they come and views of objects, and asks for confirmation at the gate."""

    def hide(self, redactor: Redactor) -> None:
        """From now on, hide everything that `redactor` knows to be secret."""
        ...

    def line(self, text: str) -> None: ...
    def show(self, thing: object) -> None: ...
    def gate(self, word: str, said: str, on_confirmed: Callable[[], None], awaited: Awaited | None = None) -> bool:
        """Show `said` and ask the person to type `word`; call `on_confirmed` once that is done, and not before what is `awaited` is there.
        False if nobody can be asked."""
        ...

    def follow(self, run: "Followed") -> AbstractContextManager[None]:
        """While the context is open, show the person how the run proceeds, and let them stop it."""
        ...


class Followed(Protocol):
    """The part of a run that its display needs: what it shows, and the two ways to stop."""

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
    """The console of a run that nobody follows. Its lines go to `write`, with secrets hidden; nobody can be asked."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._redactor = Redactor()

    def hide(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def line(self, text: str) -> None:
        self._write(self._redactor.clean(text))

    def show(self, thing: object) -> None: ...

    def gate(self, word: str, said: str, on_confirmed: Callable[[], None], awaited: Awaited | None = None) -> bool:
        return False

    def follow(self, run: Followed) -> AbstractContextManager[None]:
        return nullcontext()
