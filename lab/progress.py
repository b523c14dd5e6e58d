"""Progress of long work: a bar on a terminal, one plain line a stage elsewhere. It needs no package: the first stages are done while
those are installed."""

import shutil
import sys
import threading
import time

CELLS = 24


class Progress:
    """The progress of work in so many `stages`. Use it in a `with` statement, and call `stage(text)` at the beginning of each."""

    def __init__(self, title: str, stages: int) -> None:
        self.title = title
        self.stages = stages
        self.started = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._done = threading.Event()
        self._ticking = threading.Thread(target=self._tick, daemon=True)
        self._begun = 0
        self._text = ""

    def __enter__(self) -> "Progress":
        if self._terminal:
            self._ticking.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        if self._terminal:
            self._ticking.join()
            self._draw("")

    def stage(self, text: str) -> None:
        self._begun, self._text = self._begun + 1, text
        if not self._terminal:
            print(f"{self.title}: {text}", file=sys.stderr, flush=True)

    def line(self) -> str:
        """The bar, how many stages are done of how many, for how long it has worked, and at what; a narrow terminal cuts that short."""
        done = min(max(self._begun - 1, 0), self.stages)
        filled = CELLS * done // self.stages
        minutes, seconds = divmod(int(time.monotonic() - self.started), 60)
        bar = "█" * filled + "░" * (CELLS - filled)
        return f"{self.title} {bar} {done}/{self.stages} {minutes:02}:{seconds:02} {self._text}"

    def _tick(self) -> None:
        while not self._done.wait(0.2):
            self._draw(self.line())

    def _draw(self, line: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        print(f"\r\033[K{line[:width]}", end="", file=sys.stderr, flush=True)
