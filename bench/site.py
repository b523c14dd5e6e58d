"""Where is measured: the practice host, maybe far away, and who works on it."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.peak import Peak
from bench.peers import Peers
from lab.practice_host import PracticeHost
from lab.relay import Relay
from rollback_lib.errors import LabError
from rollback_lib.stack.model import Stack

DEADLINE = 180.0  # seconds for one run


@dataclass(frozen=True)
class Site:
    """`relay` stands between here and the host's sshd if the host is put far away; it counts round trips."""

    host: PracticeHost
    peers: Peers
    relay: Relay | None = None

    @property
    def stack(self) -> Stack:
        """The stack as the contenders reach it."""
        return Stack.load(self.peers.stack)

    def run(self, words: Sequence[str], *, memory: bool = False, deadline: float = DEADLINE) -> dict[str, float]:
        """Run a command to its end. Returns its `seconds`; if the host is far away, its `round_trips` over SSH; and with `memory`, what
        all its processes together took (`Peak`). Raises LabError if it fails."""
        passed, started = self._round_trips(), time.monotonic()
        with subprocess.Popen(
            words, env=self.peers.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            peak = Peak(process.pid) if memory else None
            try:
                said, _ = process.communicate(timeout=deadline)
            except BaseException:
                process.kill()
                raise
        taken = {"seconds": time.monotonic() - started}
        if process.returncode:
            raise LabError(f"{' '.join(words)} exited with {process.returncode}: {said[-1200:]}")
        counted = {"round_trips": self._round_trips() - passed} if self.relay else {}
        return taken | counted | (peak.stop() if peak else {})

    def _round_trips(self) -> int:
        return self.relay.round_trips if self.relay else 0


@contextmanager
def site(host: PracticeHost, round_trip: float) -> Iterator[Site]:
    """The host, `round_trip` milliseconds away: behind relays that take their time, or reached as it is if that is 0."""
    with TemporaryDirectory(prefix="bench-") as folder:
        if not round_trip:
            yield Site(host, Peers(host, Path(folder), host.ssh_port, host.https_port))
            return
        with Relay(host.ssh_port, round_trip / 1000) as ssh, Relay(host.https_port, round_trip / 1000) as https:
            yield Site(host, Peers(host, Path(folder), ssh.listening, https.listening), ssh)
