"""One SSH connection to one host: it runs scripts, several at a time, reads both their output streams, and keeps their deadlines."""

import logging
import re
import select
import time
from collections.abc import Callable
from dataclasses import dataclass

import paramiko

from rollback_lib.errors import CommandFailed, LinkLost, NothingRan
from rollback_lib.host.ending import SHELL, Ending, Kind
from rollback_lib.host.heartbeat import Heartbeat
from rollback_lib.host.login_shell import Frame
from rollback_lib.host.output import KEEP, BoundedOutput
from rollback_lib.host.shells import Shells
from rollback_lib.host.snippets import GRACE, own_end
from rollback_lib.secrets.redactor import clean
from rollback_lib.secrets.secret import Secret

CHUNK = 64 * 1024

# The caller learns of failures by exceptions. Without this handler paramiko would print its own lines into the output of a cell.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

SLACK = 3 * GRACE  # seconds to wait for the end of a script after its deadline
HELD = 1.0  # seconds to wait for the end of the output after a command has ended


@dataclass(frozen=True)
class Result:
    """The result of a script: how it ended, and what it printed to standard output and standard error.

    Of long output the beginning and the end are kept; `dropped` is how many bytes between them are not. `seconds` is how long
    the script took.
    """

    ending: Ending
    out: str
    err: str
    dropped: int
    seconds: float

    @property
    def status(self) -> int | None:
        """The exit status of the script; None when a signal, its deadline or something unknown ended it."""
        return self.ending.status


@dataclass(frozen=True)
class Keys:
    """The fingerprints of the keys of a connection: that of the host, and that by which the user was let in."""

    host: str
    user: str


class Connection:
    """An open connection. Thread-safe: several threads may call `run` at the same time.

    `keys` are its keys. `noise` is what the start-up file of the login shell printed, which is not part of any result; "" if nothing.
    """

    def __init__(
        self, client: paramiko.SSHClient, alias: str, via: "Connection | None", keys: Keys, *, sudo: bool = False
    ) -> None:  # fmt: skip
        """`client` is connected already. `via` is the connection to the jump host that this one goes through, and is closed with it.
        With `sudo`, scripts run as root, by `sudo -n`."""
        self.alias = alias
        self.keys = keys
        self.noise = ""
        self._sudo = sudo
        self._client = client
        self._via = via
        self._shells = Shells(client, alias, sudo=sudo)
        self._heartbeat = Heartbeat(client)

    def run(
        self, script: str, *, deadline: float = 30.0, on_output: Callable[[bytes], None] | None = None,
        keep: int = KEEP, send: Secret | None = None,
    ) -> Result:  # fmt: skip
        """Run a POSIX shell script on the host in a clean environment, for `deadline` seconds at most.

        `on_output` gets standard output as it arrives. The result holds its first and last `keep` bytes. `send` is written to the
        script's standard input. The input is not closed afterwards: the script must read exactly that many bytes. Raises LinkLost
        when the connection breaks, NothingRan when the login shell or sudo does not run the script.
        """
        started = time.monotonic()
        for new in (False, True):
            out, err = BoundedOutput(keep), BoundedOutput()
            with self._shells.shell(new=new) as shell:
                framed = Frame(f"{shell.mark} begin".encode()), Frame(f"{shell.mark} begin".encode())
                # End of file is never sent. When a command is quick, paramiko may send it after the channel is closed, and sshd then
                # drops the whole connection ("ieof packet referred to nonexistent channel").
                shell.run(own_end(rf"\n{shell.mark} ", 2) + script, deadline, send)
                ended = self._drain(shell.channel, framed, out, err, started + deadline + SLACK, on_output)
                status = shell.channel.recv_exit_status() if ended else None
            # No exit status does not mean a lost connection: perhaps the shell that watches the script was killed.
            if status in (None, -1) and not self._shells.alive():
                raise LinkLost(f"the connection to {self.alias} broke while a command was running")
            if framed[0].begun or not (ended and shell.waited):
                break  # else something ended the shell while it waited, and nothing has run
        took = time.monotonic() - started
        noise = "\n".join(frame.noise.strip() for frame in framed).strip()
        if ended and not framed[0].begun and status != -1:
            raise NothingRan(f"{self.alias} ran nothing, and said: {_last_line(noise).rstrip('.')}; {_what_to_do(noise, sudo=self._sudo)}")
        self.noise = self.noise or noise
        errors = err.text()
        ending = _ending(" ".join(re.findall(rf"\n{shell.mark} (.*)\n", errors)), status, took)
        return Result(ending, out.text(), re.sub(rf"\n{shell.mark} .*\n", "", errors), out.dropped + err.dropped, took)

    def check(self, script: str, *, deadline: float = 30.0) -> str:
        """Run a script that must succeed, and return its standard output.

        Raises CommandFailed, with the last line that the script printed, when it fails; otherwise like `run`.
        """
        result = self.run(script, deadline=deadline)
        if result.status != 0:
            raise CommandFailed(f"on {self.alias}: {said(result)}")
        return result.out

    def forward(self, hostname: str, port: int, timeout: float) -> paramiko.Channel:
        """A channel from this host to another machine. Used to reach a host behind a jump host. `timeout` is in seconds."""
        transport = self._client.get_transport()
        assert transport is not None
        return transport.open_channel("direct-tcpip", (hostname, port), ("127.0.0.1", 0), timeout=timeout)

    def close(self) -> None:
        self._heartbeat.stop()
        self._client.close()
        if self._via:
            self._via.close()

    def _drain(
        self, channel: paramiko.Channel, framed: tuple[Frame, Frame], out: BoundedOutput, err: BoundedOutput, until: float,
        on_output: Callable[[bytes], None] | None,
    ) -> bool:  # fmt: skip
        """Read both streams as data arrives until the command has ended. False when it has not ended by `until` (monotonic seconds).

        sshd may send the exit status before the last output, so this waits for both. A child process that was left behind may
        hold the streams open for ever, so this stops reading HELD seconds after the exit status.
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
            # `wake` becomes readable for data and at end of file. The exit status may come a moment later.
            if complete:
                channel.status_event.wait(0.2)
            else:
                select.select([wake], [], [], 0.2)


def said(result: Result) -> str:
    """One line that says how a script ended, with the last line that it printed. Secrets are masked."""
    return f"{result.ending.words}: {_last_line(result.err or result.out)}"


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return clean(lines[-1]) if lines else "it said nothing"


def _what_to_do(noise: str, *, sudo: bool) -> str:
    if sudo and "sudo" in noise:
        return "the stack has `sudo: true`, so `sudo -n` must work there without a password: see sudoers(5), NOPASSWD"
    return "it needs a login shell that runs commands, sh, env, setsid and timeout"


def _ending(marks: str, status: int | None, took: float) -> Ending:
    """How a script ended, read from the `marks` it left. Without marks, `status` decides, the exit status of the channel: -1 when
    a signal ended the command, None when it had not ended after `took` seconds."""
    try:
        return Ending.read(marks)
    except ValueError:
        if status is None:
            return Ending(Kind.UNHEARD, round(took))
        # The signal ended the shell that watched the script.
        return Ending.exited(status) if 0 <= status <= SHELL else Ending(Kind.LOST)
