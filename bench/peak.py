"""The most memory that a process and all below it have at a time."""

import threading
from contextlib import suppress
from pathlib import Path

EVERY = 0.05  # seconds between two looks


class Peak(threading.Thread):
    """Looks at the process `pid` and all below it until `stop`."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._stopped = threading.Event()
        self._rss = self._pss = 0.0
        self.start()

    def run(self) -> None:
        while not self._stopped.wait(EVERY):
            self.look()

    def look(self) -> None:
        used = [_used(pid) for pid in tree(self._pid)]
        self._rss = max(self._rss, sum(rss for rss, _ in used))
        self._pss = max(self._pss, sum(pss for _, pss in used))

    def stop(self) -> dict[str, float]:
        """The peaks so far, in MB. Memory that several processes share counts for each of them in `rss_mb`, and once in `pss_mb`."""
        self._stopped.set()
        self.join()
        return {"rss_mb": self._rss, "pss_mb": self._pss}


def tree(pid: int) -> list[int]:
    """A process and all below it that have not ended."""
    found = [pid]
    for one in found:
        with suppress(OSError):  # it has ended
            for task in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def _used(pid: int) -> tuple[float, float]:
    """RSS and PSS of a process in MB; nothing if it has ended."""
    with suppress(OSError, KeyError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        sizes = {words[0]: int(words[1]) / 1024 for words in map(str.split, lines)}
        return sizes["Rss:"], sizes["Pss:"]
    return 0.0, 0.0
