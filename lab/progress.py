"""Shows the progress of long work: a bar on a terminal, else a plain line for each stage."""

import sys
import threading
import time

from tqdm import tqdm


class Progress:
    """The progress of work in so many `stages`. Use it in a `with` statement, and call `stage(text)` at the beginning of each."""

    def __init__(self, title: str, stages: int) -> None:
        self.title = title
        self.started = time.monotonic()
        self._done = threading.Event()
        self._bar = tqdm(total=stages, bar_format="{desc} {bar:24} {n}/{total} {elapsed}", leave=False) if sys.stderr.isatty() else None
        self._begun = 0

    def __enter__(self) -> "Progress":
        if self._bar is not None:
            threading.Thread(target=self._tick, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        if self._bar is not None:
            self._bar.close()

    def stage(self, text: str) -> None:
        if self._bar is None:
            print(f"{self.title}: {text}", file=sys.stderr, flush=True)
            return
        if self._begun:
            self._bar.update()
        self._begun += 1
        self._bar.set_description_str(f"{self.title}: {text:<44.44}")

    def _tick(self) -> None:
        while not self._done.wait(0.5):
            assert self._bar is not None
            self._bar.refresh()
