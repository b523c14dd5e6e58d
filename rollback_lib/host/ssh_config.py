"""Reads the SSH configuration by asking OpenSSH: `ssh -G` for settings, `ssh-keygen -F` for host keys.

So Include, Match, tokens, and hashed or wildcard entries mean here what they mean in a terminal.
"""

import getpass
import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from rollback_lib.errors import ConnectionRefused

PATIENCE = 20  # seconds that ssh or ssh-keygen may take to answer


@dataclass(frozen=True)
class Endpoint:
    """Where and how to connect.

    `agent` is the path of the agent's socket, None for no agent. `host_key_name` is the name under which known_hosts lists the host.
    `jumps` are the hosts in ProxyJump, nearest first. `connect_timeout` is in seconds. `config` is the configuration file that was
    read; None for the default ones.
    """

    alias: str
    hostname: str
    port: int
    user: str
    identity_files: tuple[Path, ...]
    identities_only: bool
    agent: str | None
    known_hosts: tuple[Path, ...]
    host_key_name: str
    proxy_command: str | None
    jumps: tuple[str, ...]
    connect_timeout: float
    config: Path | None


def resolve(alias: str, config: Path | None = None) -> Endpoint:
    """How OpenSSH would connect for `ssh [-F config] alias`. `alias` may be [user@]host[:port], as in ProxyJump. Raises ConnectionRefused
    when the configuration is missing or cannot be read."""
    if config and not config.is_file():
        raise ConnectionRefused(f"the SSH configuration {config} does not exist; for the practice host run `rollback lab up`")
    destination = alias if alias.startswith("ssh://") else f"ssh://{alias}"
    answer = _ask(["ssh", *(["-F", str(config)] if config else []), "-G", destination])
    settings: dict[str, list[str]] = {}
    for line in answer.splitlines():
        key, _, value = line.partition(" ")
        settings.setdefault(key, []).append(value)

    def first(key: str, default: str = "none") -> str:
        return settings.get(key, [default])[0]

    hostname, port, user = first("hostname"), int(first("port", "22")), first("user", getpass.getuser())
    tokens = {"%h": hostname, "%p": str(port), "%r": user, "%n": alias, "%d": str(Path.home()), "%u": getpass.getuser(), "%%": "%"}

    def with_tokens(text: str) -> str:
        pieces, rest = [], text
        while "%" in rest:
            before, _, rest = rest.partition("%")
            pieces += [before, tokens.get("%" + rest[:1], "%" + rest[:1])]
            rest = rest[1:]
        return "".join(pieces) + rest

    def expand(text: str) -> str:
        return str(Path(with_tokens(text)).expanduser())

    def files(key: str) -> tuple[Path, ...]:
        named = [Path(expand(word)) for value in settings.get(key, []) for word in ([value] if key == "identityfile" else value.split())]
        return tuple(path for path in named if path.is_file())

    agent = first("identityagent", "SSH_AUTH_SOCK")
    return Endpoint(
        alias=alias,
        hostname=hostname,
        port=port,
        user=user,
        identity_files=files("identityfile"),
        identities_only=first("identitiesonly") == "yes",
        agent=None if agent == "none" else os.environ.get("SSH_AUTH_SOCK") if agent == "SSH_AUTH_SOCK" else expand(agent),
        known_hosts=files("userknownhostsfile") + files("globalknownhostsfile"),
        host_key_name=settings["hostkeyalias"][0] if "hostkeyalias" in settings else hostname if port == 22 else f"[{hostname}]:{port}",
        proxy_command=None if first("proxycommand") == "none" else with_tokens(first("proxycommand")),
        jumps=() if first("proxyjump") == "none" else tuple(first("proxyjump").split(",")),
        connect_timeout=float(first("connecttimeout")) if first("connecttimeout").isdigit() else 10.0,
        config=config,
    )


@dataclass(frozen=True)
class Known:
    """What the known_hosts files list for a host.

    `keys` are its host keys as (type, base64). `authorities` are the keys of authorities that may certify it, and `revoked` the revoked
    keys, both in base64.
    """

    keys: list[tuple[str, str]]
    authorities: set[str]
    revoked: set[str]


def known_keys(endpoint: Endpoint) -> Known:
    """Look `endpoint` up in its known_hosts files. Raises ConnectionRefused when ssh-keygen is missing or hangs."""
    found = Known([], set(), set())
    for file in endpoint.known_hosts:
        for line in _ask(["ssh-keygen", "-F", endpoint.host_key_name, "-f", str(file)], missing_is_empty=True).splitlines():
            words = line.split()
            if not words or words[0] == "#":
                continue
            marker = words.pop(0) if words[0].startswith("@") else None
            if marker == "@revoked":
                found.revoked.add(words[2])
            elif marker == "@cert-authority":
                found.authorities.add(words[2])
            elif marker is None:
                found.keys.append((words[1], words[2]))
    return found


def _ask(argv: list[str], *, missing_is_empty: bool = False) -> str:
    try:
        answer = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False)
    except FileNotFoundError:
        raise ConnectionRefused(f"{argv[0]} is not installed here; install the OpenSSH client and try again") from None
    except subprocess.TimeoutExpired:
        raise ConnectionRefused(
            f"`{shlex.join(argv)}` did not end in {PATIENCE} s; a `Match exec` of your SSH configuration may hang: try it by hand"
        ) from None
    if answer.returncode and not missing_is_empty:
        raise ConnectionRefused(f"the SSH configuration cannot be read: {answer.stderr.strip().splitlines()[-1]}")
    return answer.stdout
