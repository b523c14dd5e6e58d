"""One SSH connection to one host: many channels on it, both streams drained, deadlines of our own."""

import logging
import re
import secrets
import select
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass

import paramiko

from rollback_lib.errors import CommandFailed, LinkLost, NothingRan
from rollback_lib.host.channels import Channels
from rollback_lib.host.ending import SHELL, Ending, Kind
from rollback_lib.host.heartbeat import Pulse
from rollback_lib.host.login_shell import Frame, through_login_shell
from rollback_lib.host.output import KEEP, BoundedOutput
from rollback_lib.host.snippets import GRACE, WATCH, own_end
from rollback_lib.secrets.redactor import clean
from rollback_lib.secrets.secret import Secret

CHUNK = 64 * 1024

# Failures reach the caller as exceptions; paramiko's own lines would come between the output of a cell.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

SLACK = 3 * GRACE  # seconds beyond its deadline after which we stop waiting for the end of a script
HELD = 1.0  # seconds to wait for the end of output once a command has ended
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
class Result:
    """What a script did: how it ended, both outputs as kept, seconds taken."""

    ending: Ending
    out: str
    err: str
    dropped: int
    seconds: float

    @property
    def status(self) -> int | None:
        """Its exit status, where it came to one."""
        return self.ending.status


class Connection:
    """An open connection. Thread-safe: `run` may be called from several threads. `noise` is what the start-up file of the login
    shell was heard to print."""

    def __init__(self, client: paramiko.SSHClient, alias: str, via: "Connection | None", *, sudo: bool = False) -> None:
        """`sudo`: what runs there runs as root, by `sudo -n`."""
        self.alias = alias
        self.noise = ""
        self._sudo = sudo
        self._client = client
        self._via = via
        self._channels = Channels(client, alias)
        self._pulse = Pulse(client)

    def run(
        self, script: str, *, deadline: float = 30.0, on_output: Callable[[bytes], None] | None = None,
        keep: int = KEEP, send: Secret | None = None,
    ) -> Result:  # fmt: skip
        """Run a POSIX shell script there in a clean environment, `deadline` seconds at most.

        `on_output` gets standard output as it comes; `keep` bytes at each end are in the result. `send` goes to its
        standard input, which has no end then: the script must read that many bytes and no more. Raises LinkLost when the
        connection breaks meanwhile, NothingRan where the login shell, or sudo, does not let it run.
        """
        started = time.monotonic()
        out, err = BoundedOutput(keep), BoundedOutput()
        source = "" if send else " </dev/null"
        mark = secrets.token_hex(8)  # nothing that is said by others looks like it
        before, seconds = rf"\n{mark} ", f"{deadline:.10g}"
        framed = Frame(f"{mark} begin".encode()), Frame(f"{mark} begin".encode())
        watched = ("timeout", "-s", "ALRM", seconds, "sh", "-c", _RUN, "sh", own_end(before, 2) + script, seconds, str(GRACE), before)
        with self._channels.channel() as channel:
            self._execute(channel, through_login_shell(shlex.join(watched) + source, sudo=self._sudo), send)
            ended = self._drain(channel, framed, out, err, started + deadline + SLACK, on_output)
            status = channel.recv_exit_status() if ended else None
        # What watches a script may have been killed, and then has no exit status either.
        if status in (None, -1) and not self._channels.alive():
            raise LinkLost(f"the connection to {self.alias} broke while a command was running")
        took = time.monotonic() - started
        noise = "\n".join(one.noise.strip() for one in framed).strip()
        if ended and not framed[0].begun and status != -1:
            raise NothingRan(f"{self.alias} ran nothing, and said: {_last_line(noise).rstrip('.')}; {_what_to_do(noise, sudo=self._sudo)}")
        self.noise = self.noise or noise
        said = err.text()
        ending = _ending(" ".join(re.findall(rf"\n{mark} (.*)\n", said)), status, took)
        return Result(ending, out.text(), re.sub(rf"\n{mark} .*\n", "", said), out.dropped + err.dropped, took)

    def check(self, script: str, *, deadline: float = 30.0) -> str:
        """Like `run`, for what must succeed: its output. Raises CommandFailed with the last line it said."""
        result = self.run(script, deadline=deadline)
        if result.status != 0:
            raise CommandFailed(f"on {self.alias}: {said(result)}")
        return result.out

    def forward(self, hostname: str, port: int, timeout: float) -> paramiko.Channel:
        """A channel from that host on to another machine: the way to a host behind a jump host."""
        transport = self._client.get_transport()
        assert transport is not None
        return transport.open_channel("direct-tcpip", (hostname, port), ("127.0.0.1", 0), timeout=timeout)

    def close(self) -> None:
        self._pulse.stop()
        self._client.close()
        if self._via:
            self._via.close()

    def _execute(self, channel: paramiko.Channel, command: str, send: Secret | None) -> None:
        try:
            # We never send an end of file: paramiko may send one after the channel's close when a
            # command is quick, and sshd then drops the whole connection ("ieof packet referred to nonexistent channel").
            channel.exec_command(command)
            if send:
                channel.sendall(send.reveal())
        except (paramiko.SSHException, EOFError, OSError):
            raise LinkLost(f"the connection to {self.alias} broke while a command was being started") from None

    def _drain(
        self, channel: paramiko.Channel, framed: tuple[Frame, Frame], out: BoundedOutput, err: BoundedOutput, until: float,
        on_output: Callable[[bytes], None] | None,
    ) -> bool:  # fmt: skip
        """Read both streams as they come until the command has ended; False when nothing is heard of it in time.

        sshd may send the exit status before the last of the output, so both are waited for. A child left behind may hold
        the streams open for ever: HELD seconds after the status, what has arrived is all we take.
        """
        wake = channel.fileno()
        held_until = None
        while True:
            complete = channel.eof_received or channel.closed
            ended = channel.exit_status_ready()
            while channel.recv_ready():
                chunk = framed[0].feed(channel.recv(CHUNK))
                out.add(chunk)
                if on_output and chunk:
                    on_output(chunk)
            while channel.recv_stderr_ready():
                err.add(framed[1].feed(channel.recv_stderr(CHUNK)))
            now = time.monotonic()
            if ended and held_until is None:
                held_until = now + HELD
            if ended and (complete or (held_until is not None and now > held_until)):
                return True
            if now > until:
                return False
            # The pipe wakes us for data and end of file; the exit status may come a moment after both.
            if complete:
                channel.status_event.wait(0.2)
            else:
                select.select([wake], [], [], 0.2)


def said(result: Result) -> str:
    """One line on how a script ended, with the last thing it said, freed of secrets."""
    return f"{result.ending.words}: {_last_line(result.err or result.out)}"


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return clean(lines[-1]) if lines else "it said nothing"


def _what_to_do(noise: str, *, sudo: bool) -> str:
    if sudo and "sudo" in noise:
        return "the stack has `sudo: true`, so `sudo -n` must work there without a password: see sudoers(5), NOPASSWD"
    return "it needs a login shell that runs commands, sh, env, setsid and timeout"


def _ending(marks: str, status: int | None, took: float) -> Ending:
    """How a script ended, as its marks say. `status` is the exit status of the channel: -1 for a signal, None where no end was
    heard of in `took` seconds."""
    try:
        return Ending.read(marks)
    except ValueError:
        if status is None:
            return Ending(Kind.UNHEARD, round(took))
        # What a signal ended was the watcher.
        return Ending.exited(status) if 0 <= status <= SHELL else Ending(Kind.LOST)
