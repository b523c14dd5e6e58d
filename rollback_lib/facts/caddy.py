"""How the Caddy in a container reads a Caddyfile, and which configuration it has loaded."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from rollback_lib.commands.command import Command
from rollback_lib.facts import process
from rollback_lib.facts.docker import Container
from rollback_lib.facts.fact import Fact
from rollback_lib.secrets.redactor import clean

ADMIN = "localhost:2019"  # the default address of Caddy's admin API


@dataclass(frozen=True)
class Configuration:
    """A configuration of Caddy. `hash` is 12 hex digits of the SHA-256 of its JSON. `admin` is the address of the admin API; None if it
    is disabled."""

    hash: str
    admin: str | None


@dataclass(frozen=True)
class Inside:
    """The Caddyfile as the container sees it: 12 hex digits of its SHA-256, its inode (0 if not known), and whether the host can write
    to it."""

    hash: str
    inode: int
    writable: bool


def live(container: Container | str, admin: str = ADMIN) -> Fact[Configuration | None]:
    """What the running Caddy has loaded; None where its admin API cannot be asked."""
    return Fact((loaded(container, admin),), _configuration, otherwise=lambda _: None)


def upstreams(container: Container | str, admin: str = ADMIN) -> Fact[dict[str, tuple[str, ...]] | None]:
    """The upstreams of the running Caddy, as NAME:PORT, by the host name of the request; None if its admin API does not answer."""

    def read(out: str) -> dict[str, tuple[str, ...]]:
        servers = ((json.loads(out) or {}).get("apps") or {}).get("http", {}).get("servers") or {}
        found: dict[str, tuple[str, ...]] = {}
        for route in (route for server in servers.values() for route in server.get("routes") or ()):
            for host in (host for match in route.get("match") or () for host in match.get("host") or ()):
                found[host] = found.get(host, ()) + tuple(_dials(route))
        return found

    return Fact((loaded(container, admin),), read, otherwise=lambda _: None)


def _dials(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("dial"), str):
            yield value["dial"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _dials(item)


def loaded(container: Container | str, admin: str = ADMIN) -> Command:
    """The command that prints what the running Caddy has loaded, as JSON. It is asked over the host's curl in the container's
    network, else by a tool of the container's own: its image may have none."""
    # The name may mean ::1 there, where Caddy does not listen when it is told `localhost`.
    url = f"http://{admin.replace('localhost', '127.0.0.1')}/config/"
    script = (
        'pid=$(pid "$1" "$2" "$3"); '
        'nsenter -t "$pid" -n curl -fsS --max-time 5 "$4" 2>/dev/null || docker exec "$1" wget -qO- "$4" 2>/dev/null || '
        'docker exec "$1" curl -fsS --max-time 5 "$4"'
    )
    return Command.of("sh", "-euc", process.PID + script, "sh", *process.words(container), url)


def inside(container: Container | str, path: str, file: str) -> Fact[Inside | None]:
    """The file at `path` in the container, which is the host's `file` mounted there; None if the container does not run."""
    script = (
        'pid=$(pid "$1" "$2" "$3"); [ "$pid" -gt 0 ]; seen=/proc/$pid/root$4; writable=yes; inode=0; '
        'if [ -r "$seen" ]; then inode=$(stat -c %i "$seen"); sha256sum <"$seen"; else docker exec "$1" cat "$4" | sha256sum; fi; '
        # A mounted file that was replaced on the host has no name any more. Only opening it tells whether it can be written.
        '[ "$inode" = "$(stat -c %i "$5")" ] || dd conv=nocreat,notrunc count=0 if=/dev/null of="$seen" 2>/dev/null || writable=no; '
        'echo "$inode $writable"'
    )

    def read(out: str) -> Inside:
        digest, _, inode, writable = out.split()
        return Inside(digest[:12], int(inode), writable == "yes")

    words = (*process.words(container), path, file)
    return Fact((Command.of("sh", "-euc", process.PID + script, "sh", *words),), read, otherwise=lambda _: None)


def adapted(show: Command, caddy: Command) -> Fact[Configuration | str]:
    """The configuration that Caddy would load for the Caddyfile that `show` prints; if Caddy refuses it, its error message.

    `caddy` is the command that runs Caddy in its container.
    """
    # From Caddy 2.7 on, `-` is standard input. Older ones read it as a device, and then cannot import other files.
    first, second = (show.pipe(*caddy.argv, "adapt", "--config", name, "--adapter", "caddyfile").shell() for name in ("-", "/dev/stdin"))
    command = Command.of("sh", "-c", f"{first} 2>/dev/null || {second}")
    return Fact((command,), _configuration, otherwise=_refusal)


def validated(show: Command, caddy: Command) -> Fact[str | None]:
    """None if Caddy accepts the Caddyfile that `show` prints, else its error message. `caddy` is the command that runs Caddy."""
    command = show.pipe(*caddy.argv, "validate", "--config", "-", "--adapter", "caddyfile")
    return Fact((command,), lambda _: None, otherwise=_refusal)


def _configuration(out: str) -> Configuration:
    config = json.loads(out) or {}
    admin = config.get("admin") or {}
    canonical = json.dumps(config, sort_keys=True)
    where = None if admin.get("disabled") else admin.get("listen", ADMIN)
    return Configuration(hashlib.sha256(canonical.encode()).hexdigest()[:12], where)


def _refusal(message: str) -> str:
    lines = [line for line in message.splitlines() if line.startswith("Error: ")] or message.splitlines() or ["it said nothing"]
    return clean(lines[-1].removeprefix("Error: "))
