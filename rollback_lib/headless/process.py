"""The process that runs the cells, as the runner has it: started before the runner imports anything heavy, and ended by the runner."""

import codecs
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from rollback_lib import errors
from rollback_lib.errors import RollbackError
from rollback_lib.headless import wire
from rollback_lib.headless.signals import Signals
from rollback_lib.record.folder import FOLDER_VARIABLE
from rollback_lib.settings import HOME_VARIABLE, home
from rollback_lib.text import times

# -P: this package, also where the current folder is another clone of it.
CELLS = ("-P", "-m", "rollback_lib.headless.cells")
STARTS = 60.0  # seconds that it may take to answer while it starts
INTERRUPT_SECONDS = 30.0  # how long an interrupted cell may take to end its job on the host and to clean up

OnOutput = Callable[[wire.Message], None]


class Ended(RollbackError):
    """The process that runs the cells has ended by itself, or was killed."""


class CellProcess:
    """A process with the same Python. Its incident writes its record to `folder`; None for a notebook that opens no incident.

    It checks the `parameters` of the `procedure`, unless they are None, and then begins to connect to their host. It leads a session of its
    own, so that Ctrl-C on a terminal reaches the runner only. A signal that `signals` notes ends what this waits for.
    """

    def __init__(
        self, folder: Path | None, signals: Signals, procedure: str = "", parameters: Mapping[str, Any] | None = None
    ) -> None:  # fmt: skip
        incident = {FOLDER_VARIABLE: str(folder)} if folder else {}
        requests, self._requests = os.pipe()
        self._answers, answers = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, *CELLS, str(requests), str(answers)], env={**os.environ, **incident, HOME_VARIABLE: str(home())},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=(requests, answers), start_new_session=True,
        )  # fmt: skip
        os.close(requests)
        os.close(answers)
        self._signals = signals
        self._cell = 0
        self._messages: deque[wire.Message] = deque()
        self._words = ""  # the end of what came through standard error
        self._waits = selectors.DefaultSelector()
        self._waits.register(self._answers, selectors.EVENT_READ, self._receiver())
        for name, pipe in self._pipes():
            self._waits.register(pipe, selectors.EVENT_READ, self._listener(name))
        self._waits.register(signals, selectors.EVENT_READ, lambda _: signals.clear())
        self._request("start", procedure=procedure, parameters=parameters)

    @property
    def pid(self) -> int:
        return self._process.pid

    def checked(self) -> None:
        """Wait until the parameters are checked. Raises the error that refuses them, KeyboardInterrupt if a signal comes, Ended."""
        answer = self._until(("checked", "refused"), seconds=STARTS)
        if answer["kind"] == "refused":
            raise getattr(errors, answer["type"], errors.ParameterError)(answer["words"])

    def ready(self) -> None:
        """Wait until it can run cells. Raises KeyboardInterrupt if a signal comes, Ended."""
        self._until(("ready",), seconds=STARTS)

    def check(self) -> None:
        """Raises KeyboardInterrupt if a signal has come."""
        self._signals.check()

    def run(self, cell: int, source: str, on_output: OnOutput, on_interrupt: Callable[[], None]) -> bool:
        """Run a cell to its end; False if it failed. `on_output` gets the message that it begins, and its outputs.

        If a signal comes, `on_interrupt` is called and the cell is interrupted; it then has INTERRUPT_SECONDS to clean up. Raises
        TimeoutError if it takes longer, Ended.
        """
        self._cell = cell
        self._request("run", cell=cell, source=source)
        on_output(self._until(("begun",), on_output, heeding=False, seconds=STARTS))  # from here on an interrupt takes effect
        try:
            done = self._until(("done",), on_output)
        except KeyboardInterrupt:
            on_interrupt()
            self._process.send_signal(signal.SIGINT)
            try:
                done = self._until(("done",), on_output, heeding=False, seconds=INTERRUPT_SECONDS)
            except TimeoutError:
                raise TimeoutError(f"the cell was interrupted, and had not ended after {times.given(INTERRUPT_SECONDS)}") from None
        while self._receive(0.0):  # what its programs wrote
            continue
        while self._messages:
            on_output(self._messages.popleft())
        return bool(done["ok"])

    def kill(self) -> None:
        """End the process at once. Everything about its incident is in the record by then."""
        self._process.kill()
        self._process.wait()
        self._waits.close()
        for descriptor in (self._requests, self._answers):
            os.close(descriptor)
        for _, pipe in self._pipes():
            pipe.close()

    def _request(self, kind: str, **content: Any) -> None:
        with suppress(BrokenPipeError):  # it has ended; whoever waits for the answer learns how
            wire.write(self._requests, kind, **content)

    def _pipes(self) -> list[tuple[str, IO[bytes]]]:
        """What the process itself and its programs write to, by the name of the stream."""
        return [(name, pipe) for name, pipe in (("stdout", self._process.stdout), ("stderr", self._process.stderr)) if pipe]

    def _until(
        self, kinds: tuple[str, ...], on_output: OnOutput = lambda _: None, *, heeding: bool = True, seconds: float | None = None
    ) -> wire.Message:  # fmt: skip
        """Wait for a message of one of these kinds; `on_output` gets those before it. Raises KeyboardInterrupt if a signal comes and is
        to be heeded, TimeoutError, Ended."""
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            while self._messages:
                message = self._messages.popleft()
                if message["kind"] in kinds:
                    return message
                on_output(message)
            if heeding:
                self._signals.check()
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError(f"the process that runs the cells gave no answer in {times.given(seconds or 0)}")
            self._receive(left)

    def _receive(self, seconds: float | None) -> bool:
        """Take what has come, waiting for it so long. Returns whether anything came."""
        came = self._waits.select(seconds)
        for key, _ in came:
            key.data(key)
        return bool(came)

    def _receiver(self) -> Callable[[selectors.SelectorKey], None]:
        reader = wire.Reader()

        def receive(key: selectors.SelectorKey) -> None:
            chunk = os.read(key.fd, wire.CHUNK)
            if not chunk:
                raise Ended(f"the process that runs the cells has ended ({self._how()})")
            self._messages.extend(reader.feed(chunk))

        return receive

    def _listener(self, name: str) -> Callable[[selectors.SelectorKey], None]:
        """Takes what programs write that the cells start, and Python itself when it ends."""
        decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode

        def listen(key: selectors.SelectorKey) -> None:
            chunk = os.read(key.fd, wire.CHUNK)
            if not chunk:
                self._waits.unregister(key.fileobj)
                return
            text = decode(chunk)
            if name == "stderr":
                self._words = (self._words + text)[-1000:]
            self._messages.append({"kind": "stream", "cell": self._cell, "content": {"name": name, "text": text}})

        return listen

    def _how(self) -> str:
        status = self._process.wait()
        if status < 0:
            return f"killed by {signal.Signals(-status).name}"
        last = self._words.strip().splitlines()
        return f"exit status {status}" + (f": {last[-1]}" if last else "")
