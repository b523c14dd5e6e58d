"""The shells of one SSH connection. Each waits on the host for one script; the next ones are started before they are needed.

To run a command takes three round trips: one to open a channel, one until sshd has started the command and takes its input, and one for
the answer. A shell that waits already leaves only the last.
"""

import secrets
import shlex
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import paramiko
from paramiko.common import cMSG_CHANNEL_DATA, cMSG_CHANNEL_REQUEST

from rollback_lib.errors import LinkLost
from rollback_lib.host.login_shell import through_login_shell
from rollback_lib.host.snippets import GRACE, WATCH
from rollback_lib.secrets.secret import Secret

SILENCE = 15  # seconds without an answer after which the connection counts as lost
USED = 8  # run scripts at the same time
SPARE = 2  # wait for one; together with USED no more than the sessions that sshd allows by default (MaxSessions: 10)

# Sent to the waiting shell: a line with the deadline in seconds, the size of the script in bytes, and whether the script has an input;
# then the script, then its input. At the end of the connection there is no line.
_WAIT = r"""
read -r seconds size input || exit 0
script=$(head -c "$size")
[ "$input" = yes ] || exec </dev/null
exec timeout -s ALRM "$seconds" sh -c "$1" sh "$script" "$seconds" "$2" "$3"
"""
_RUN = (
    WATCH
    + r"""
exec 4<&0 </dev/null
printf "${4}begin\n"; printf "${4}begin\n" >&2
begin "$1"
await "$2" "$3" "$4" >&2
"""
)


@dataclass(frozen=True)
class Shell:
    """A shell on the host that waits for its script, or runs it.

    `mark` is a random word: a line with it and "begin" comes before the output of the script on both streams, and one before its end.
    `waited` is whether it was started before it was needed: something may have ended it since.
    """

    channel: paramiko.Channel
    mark: str
    waited: bool

    def run(self, script: str, deadline: float, send: Secret | None) -> None:
        """Let it run the script for `deadline` seconds at most. `send` is written to the script's standard input, which stays open; without
        it that input is empty. If the shell has ended, this does nothing."""
        text = script.encode()
        line = f"{deadline:.10g} {len(text)} {'yes' if send else 'no'}\n".encode()
        _send(self.channel, line + text + (send.reveal() if send else b""))


class Shells:
    """The shells of a connected client. Thread-safe. With `sudo`, scripts run as root."""

    def __init__(self, client: paramiko.SSHClient, alias: str, *, sudo: bool) -> None:
        self._client = client
        self._alias = alias
        self._sudo = sudo
        self._slots = threading.BoundedSemaphore(USED)
        self._opening = threading.Lock()  # paramiko has one place for the error of opening a channel, shared by all threads
        self._spare: deque[Shell] = deque()
        self._refilling = False
        self._changed = threading.Condition()
        self._refill()

    @contextmanager
    def shell(self, *, new: bool = False) -> Iterator[Shell]:
        """A shell for one script, ended at the end of the block. With `new`, it is not one that has waited. Raises LinkLost."""
        with self._slots:
            shell = (None if new else self._next_spare()) or self._start_patiently()
            self._refill()
            try:
                yield shell
            finally:
                shell.channel.close()

    def alive(self) -> bool:
        """Whether the connection still answers."""
        try:
            self._session().close()
        except paramiko.ChannelException:
            return True  # a refusal is an answer
        except LinkLost:
            return False
        return True

    def _next_spare(self) -> Shell | None:
        """A spare shell, as soon as one is ready; None if there is none, and none is being started."""
        with self._changed:
            self._changed.wait_for(lambda: self._spare or not self._refilling)
            while self._spare:
                shell = self._spare.popleft()
                if not shell.channel.exit_status_ready():
                    return shell
                shell.channel.close()
        return None

    def _start_patiently(self) -> Shell:
        """A new shell. When sshd has reached its MaxSessions, this tries again until sshd has closed an earlier session. Raises LinkLost
        after SILENCE seconds."""
        until = time.monotonic() + SILENCE
        while True:
            try:
                return self._start(waits=False)
            except paramiko.ChannelException as error:
                if time.monotonic() > until:
                    raise LinkLost(f"{self._alias} opens no more sessions ({error}); see MaxSessions of its sshd") from None
                time.sleep(0.02)

    def _start(self, *, waits: bool) -> Shell:
        """A new shell. Raises LinkLost, and ChannelException if sshd refuses."""
        channel, mark = self._session(), secrets.token_hex(8)
        words = ("sh", "-c", _WAIT, "sh", _RUN, str(GRACE), rf"\n{mark} ")
        try:
            _request(channel, through_login_shell(shlex.join(words), sudo=self._sudo))
        except (paramiko.SSHException, EOFError, OSError):
            raise LinkLost(f"the connection to {self._alias} broke while a command was being started") from None
        return Shell(channel, mark, waits)

    def _session(self) -> paramiko.Channel:
        transport = self._client.get_transport()
        try:
            if transport is None:
                raise paramiko.SSHException("closed")
            with self._opening:
                return transport.open_session(timeout=SILENCE)
        except paramiko.ChannelException:
            raise
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise LinkLost(f"the connection to {self._alias} is lost ({error}); check the network and run again") from None

    def _refill(self) -> None:
        """Begin to start spare shells in a thread, unless there are enough or some are being started."""
        with self._changed:
            if self._refilling or len(self._spare) >= SPARE:
                return
            self._refilling = True
        threading.Thread(target=self._start_spares, daemon=True).start()

    def _start_spares(self) -> None:
        while True:
            shell = None
            # If the link is lost, or there are too many sessions, the next caller of `shell` finds out and raises the error.
            with suppress(LinkLost, paramiko.ChannelException):
                shell = self._start(waits=True)
            with self._changed:
                if shell:
                    self._spare.append(shell)
                self._refilling = shell is not None and len(self._spare) < SPARE
                self._changed.notify_all()
                if not self._refilling:
                    return


def _request(channel: paramiko.Channel, command: str) -> None:
    """Ask the host to run a command. Unlike `Channel.exec_command` this does not wait for the answer, which saves a round trip. If the
    answer is no, paramiko closes the channel."""
    request = paramiko.Message()
    request.add_byte(cMSG_CHANNEL_REQUEST)
    request.add_int(channel.remote_chanid)
    request.add_string("exec")
    request.add_boolean(True)
    request.add_string(command)
    transport = channel.get_transport()
    if channel.closed:
        raise paramiko.SSHException("the channel is closed")
    transport._send_user_message(request)  # type: ignore[attr-defined]


def _send(channel: paramiko.Channel, data: bytes) -> None:
    """Send data, or as much of it as the host takes before it closes the channel. Whoever reads the channel learns of that.

    `Channel.sendall` looks whether the channel is closed, and sends later. If the host closes it in between, paramiko's thread answers
    with its own close first, and sshd drops the whole connection ("data packet referred to nonexistent channel").
    """
    while data:
        with channel.lock:
            size = channel._wait_for_send_window(len(data))  # type: ignore[attr-defined]
        message = paramiko.Message()
        message.add_byte(cMSG_CHANNEL_DATA)
        message.add_int(channel.remote_chanid)
        message.add_string(data[:size])
        if not size or not _sent(channel, message):
            return
        data = data[size:]


def _sent(channel: paramiko.Channel, message: paramiko.Message) -> bool:
    """Send the message unless the channel is closed. paramiko marks a channel as closed before it sends its close, and sends all under
    this lock."""
    transport: Any = channel.get_transport()
    while transport.active:
        transport.clear_to_send.wait(0.1)  # not while keys are being exchanged
        with transport.clear_to_send_lock:
            if channel.closed:
                return False
            if transport.clear_to_send.is_set():
                with suppress(OSError, EOFError):  # the connection broke: `active` says so soon
                    transport._send_message(message)
                    return True
    return False
