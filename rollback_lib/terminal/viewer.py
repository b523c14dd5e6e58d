"""Follows the record of a run that is under way, and shows what it says; the run does not know of it."""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rollback_lib.record.folder import EVENTS
from rollback_lib.record.log import Tail
from rollback_lib.record.state import RESUMED

if TYPE_CHECKING:
    from rollback_lib.terminal.printer import Printer
    from rollback_lib.terminal.story import Story

EVERY = 0.1  # seconds between two looks at the record


def _await_first_event(folder: Path, ended: threading.Event) -> None:
    """Wait until there is something to show. Until then this process is busy with the start of the run; after that it mostly waits, and can
    import what shows it."""
    while not (folder / EVENTS).stat().st_size and not ended.wait(EVERY / 4):
        continue


@contextmanager
def unseen(folder: Path) -> Iterator[None]:
    """Show nothing of the run whose record is in that folder, but import meanwhile what says how it ended."""
    ended = threading.Event()

    def load() -> None:
        _await_first_event(folder, ended)
        import rollback_lib.terminal.ended  # noqa: F401

    threading.Thread(target=load, daemon=True).start()
    try:
        yield
    finally:
        ended.set()


class Viewer:
    """Shows a run on standard output: its lines, and on a terminal what goes on. `lines`: False shows only the latter."""

    def __init__(self, root: Path, *, lines: bool = True) -> None:
        self._root = root
        self._lines = lines

    @contextmanager
    def watch(self, folder: Path) -> Iterator[None]:
        """Show what happens in the record in that folder, from its last opening on, until this ends."""
        ended = threading.Event()
        thread = threading.Thread(target=self._follow, args=(folder, ended), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _follow(self, folder: Path, ended: threading.Event) -> None:
        """What is only to be looked at must not end a run, so this never raises."""
        try:
            _await_first_event(folder, ended)
            from rollback_lib.terminal.printer import printer
            from rollback_lib.terminal.story import Story

            shown = printer()
            try:
                self._show(Story(folder, self._usual()), Tail(folder / EVENTS), shown, ended)
            finally:
                shown.now(())
        except Exception as error:
            print(f"rollback: the run continues, but can no longer be shown ({type(error).__name__}: {error})", file=sys.stderr)

    def _show(self, story: "Story", tail: Tail, shown: "Printer", ended: threading.Event) -> None:
        events = tail.new()
        opened = max((number for number, event in enumerate(events) if event["event"] in ("open", RESUMED)), default=0)
        for event in events[:opened]:
            story.take(event)
        self._tell(story, events[opened:], shown)
        while not ended.wait(EVERY):
            self._tell(story, tail.new(), shown)
            shown.now(story.now(datetime.now(UTC)))
        self._tell(story, tail.new(), shown)

    def _tell(self, story: "Story", events: list[dict[str, Any]], shown: "Printer") -> None:
        told = [line for event in events for line in story.tell(event)]
        if self._lines:
            shown.show(told)

    def _usual(self) -> Callable[[str, str], Mapping[str, float]]:
        from rollback_lib.record.history import usual_steps

        return lambda procedure, stack: usual_steps(self._root, procedure, stack)
