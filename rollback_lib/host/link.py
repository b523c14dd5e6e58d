"""The link to a host for a whole run. It reconnects when a connection breaks; jobs on the host continue meanwhile."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from rollback_lib.commands.command import script
from rollback_lib.errors import ConnectionRefused, LinkLost, LockLost, NeverStarts, NothingRan, NotStarted, Refused
from rollback_lib.host import ahead
from rollback_lib.host.connect import connect
from rollback_lib.host.connection import Connection, Keys, Result, said
from rollback_lib.host.ending import SHELL, Ending, Kind
from rollback_lib.host.jobs import Job, JobState, read_state, read_states, states
from rollback_lib.host.output import KEEP
from rollback_lib.host.round import Round, Script, rounds
from rollback_lib.host.shells import USED
from rollback_lib.host.snippets import GRACE
from rollback_lib.secrets.secret import Secret
from rollback_lib.stack.model import Stack
from rollback_lib.text import times

PATIENCE = 90.0  # seconds without a connection after which the link is given up
PAUSES = (0.1, 0.3, 1.0, 2.0, 5.0)  # seconds between attempts to connect; the last value repeats
ATTACHMENTS = 1000  # attempts to follow one job; enough for a connection that breaks every second for a quarter of an hour
SLACK = 30.0  # seconds that a job may take to start and to be ended, on top of its deadline


class Link:
    """A link to the host with this SSH alias. Thread-safe.

    `on_message` is called with a sentence when the connection breaks, and when it is back.
    """

    def __init__(self, alias: str, config: Path | None, on_message: Callable[[str], None], *, sudo: bool = False) -> None:
        """Connect. `config` is the SSH configuration file. With `sudo`, commands run as root. Raises ConnectionRefused."""
        self.alias = alias
        self._config = config
        self._on_message = on_message
        self._connecting = threading.Lock()
        self._closed = False
        self._sudo = sudo
        self._connection = ahead.connection(alias, config, sudo=sudo)

    @classmethod
    def to(cls, stack: Stack, on_message: Callable[[str], None] = lambda _: None) -> "Link":
        """Connect to the host of a stack, as the stack file says. Raises ConnectionRefused."""
        return cls(stack.host, stack.ssh_file, on_message, sudo=stack.sudo)

    def run(
        self, script: str, *, deadline: float = 30.0, on_output: Callable[[bytes], None] | None = None,
        keep: int = KEEP, send: Secret | None = None,
    ) -> Result:  # fmt: skip
        """Run a script that may run twice, such as one that only reads.

        When the connection breaks, the script is run again over a new one. The parameters are those of `Connection.run`. Raises
        LinkLost, NothingRan.
        """
        while True:
            connection = self._connection
            try:
                return connection.run(script, deadline=deadline, on_output=on_output, keep=keep, send=send)
            except LinkLost:
                self._reconnect(connection)

    def run_all(self, scripts: Sequence[Script]) -> list[Result]:
        """Run several scripts side by side on the host, in one round trip if their size allows; the results in their order.

        Like `run`, for scripts that may run twice. Raises LinkLost, NothingRan.
        """
        groups = rounds(scripts)
        answers: dict[Script, Result] = {}
        with ThreadPoolExecutor(USED) as pool:
            for group, results in zip(groups, pool.map(self._run_group, groups), strict=True):
                answers |= zip(group, results, strict=True)
        return [answers[script] for script in scripts]

    def _run_group(self, scripts: list[Script]) -> list[Result]:
        if len(scripts) == 1:
            (only,) = scripts
            return [self.run(only.text, deadline=only.deadline, keep=only.keep, send=only.send)]
        while True:
            connection, together = self._connection, Round(scripts)
            try:
                whole = connection.run(together.script, deadline=together.deadline, on_output=together.feed, keep=KEEP)
            except LinkLost:
                self._reconnect(connection)
                continue
            lost = Ending(Kind.LOST) if whole.ending.ok else whole.ending
            return [Result(part.ending or lost, part.out, part.err, part.dropped, whole.seconds) for part in together.outputs()]

    def stream(self, script: Callable[[], str], on_output: Callable[[bytes], None], *, deadline: float) -> Result:
        """Run a script that goes on until its deadline. When the connection breaks, the script that `script` gives then is run over a new
        one. `on_output` gets what they print. Raises LinkLost, NothingRan, and what `on_output` raises."""
        while True:
            connection = self._connection
            try:
                return connection.run(script(), deadline=deadline, on_output=on_output)
            except LinkLost:
                self._reconnect(connection)

    def run_once(self, script: str, *, deadline: float) -> Result:
        """Run a script over the present connection, and never again over a new one. Raises LinkLost, NothingRan."""
        return self._connection.run(script, deadline=deadline)

    def run_job(self, job: Job, lease: int, on_output: Callable[[bytes], None] | None) -> Result:
        """Start the job, or attach to it if it was started before, and follow it to its end, reconnecting as often as needed.

        `lease` is for how many seconds the lock is renewed. `on_output` gets each byte of the job's output once; without it the
        job is only started. Raises NotStarted, LinkLost, LockLost (this run does not hold the lock)."""
        received = 0

        def count(chunk: bytes) -> None:
            nonlocal received
            received += len(chunk)
            if on_output:
                on_output(chunk)

        started = time.monotonic()
        for attachment in range(ATTACHMENTS):
            connection = self._connection
            text, sent = job.start(received, lease, follow=on_output is not None)
            try:
                result = connection.run(text, deadline=job.deadline + GRACE + SLACK, on_output=count, send=sent)
            except LinkLost:
                self._reconnect(connection)
                continue
            except NothingRan as error:
                if attachment == 0:
                    raise
                raise LinkLost(f"the job {job.name} on {self.alias} cannot be followed any more ({error})") from None
            word = result.err.strip().rpartition("\n")[2]
            if word == "not ours":
                raise LockLost(f"the lock of this stack on {self.alias} is no longer held by this run; someone took it over")
            if word == "told to end":
                raise NeverStarts(f"{job.name} was told to end on {self.alias} before it had begun, so nothing of it ran")
            size, _, words = word.partition(" ")
            try:
                state, ending = read_state(words)
            except ValueError:
                if word == "cut short" or result.status is None or result.status > SHELL:
                    time.sleep(PAUSES[0])
                    continue  # the script that followed the job was ended, not the job itself
                raise NotStarted(
                    f"{job.name} could not be started on {self.alias} ({said(result)}); it needs room on the disk of "
                    f"{job.state}, setsid, flock and timeout"
                ) from None
            if on_output is not None and (state is JobState.RUNNING or received < int(size)):
                continue
            if state is JobState.NEVER:
                raise NotStarted(f"{job.name} was not started on {self.alias}: its starter was killed; run it again")
            return Result(ending or Ending.exited(0), result.out, "", result.dropped, time.monotonic() - started)
        raise LinkLost(f"the job {job.name} on {self.alias} could not be followed to its end in {ATTACHMENTS} attempts")

    def jobs(self, state: str, incident: str) -> dict[str, tuple[JobState, Ending | None]]:
        """The jobs of an incident by name, with their state and how they ended. Raises LinkLost, and Refused for an unreadable answer.

        `state` is the stack's folder on the host.
        """
        try:
            return read_states(self.run(script((states(state, incident),))).out)
        except ValueError as error:
            raise Refused(f"{self.alias} gave an answer about its jobs that cannot be understood ({error})") from None

    @property
    def keys(self) -> Keys:
        """The keys of the present connection."""
        return self._connection.keys

    @property
    def noise(self) -> str:
        """What the start-up file of the login shell on the host printed; "" if nothing."""
        return self._connection.noise

    def close(self) -> None:
        self._closed = True
        self._connection.close()

    def _reconnect(self, broken: Connection) -> None:
        """Replace the broken connection by a new one, unless another thread has done so. Raises LinkLost."""
        with self._connecting:
            if self._connection is not broken:
                return
            if self._closed:
                raise LinkLost(f"the connection to {self.alias} is closed")
            self._on_message(f"the connection to {self.alias} is lost; what runs there continues; reconnecting …")
            with suppress(Exception):
                broken.close()
            until = time.monotonic() + PATIENCE
            pauses = iter(PAUSES)
            pause = 0.0
            while True:
                try:
                    self._connection = connect(self.alias, self._config, sudo=self._sudo)
                    break
                except ConnectionRefused as error:
                    pause = next(pauses, pause)
                    if time.monotonic() + pause > until:
                        raise LinkLost(f"the connection to {self.alias} is lost, for {times.given(PATIENCE)} now ({error})") from None
                    time.sleep(pause)
            self._on_message(f"connected to {self.alias} again")
