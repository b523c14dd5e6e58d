"""Opens a connection as `ssh` would: with the host keys, user keys, agent, jump hosts and proxy commands that OpenSSH is set up to use."""

import os
import shlex
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import paramiko
from paramiko.auth_strategy import AuthFailure, AuthSource, AuthStrategy, InMemoryPrivateKey

from rollback_lib.errors import ConnectionRefused
from rollback_lib.host import certificate
from rollback_lib.host.connection import Connection, Keys
from rollback_lib.host.shells import SILENCE
from rollback_lib.host.ssh_config import Endpoint, Known, known_keys, resolve


def connect(alias: str, config: Path | None = None, *, sudo: bool = False) -> Connection:
    """Open the connection that `ssh [-F config] alias` would open. With `sudo`, commands on it run as root, by `sudo -n`.

    Raises ConnectionRefused when the name is not found, nothing answers, the host key is unknown, changed or revoked, or no user
    key is accepted.
    """
    return _open(resolve(alias, config), via=None, sudo=sudo)


def _open(endpoint: Endpoint, via: Connection | None, *, sudo: bool = False) -> Connection:
    for jump in endpoint.jumps:
        hop = resolve(jump, endpoint.config)
        via = _open(replace(hop, jumps=() if via else hop.jumps), via)
    where = f"{endpoint.alias} ({endpoint.hostname}:{endpoint.port})"
    known = known_keys(endpoint)
    if not (known.keys or known.authorities):
        raise ConnectionRefused(
            f"the host key of {where} is not in your known_hosts; connect once with `ssh {endpoint.alias}`, compare the key, and try again"
        )
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(_Certified(endpoint, known))
    for kind, blob in known.keys:
        entry = paramiko.hostkeys.HostKeyEntry.from_line(f"{endpoint.host_key_name} {kind} {blob}")
        if entry is not None and entry.key is not None:
            client.get_host_keys().add(endpoint.host_key_name, kind, entry.key)
    users = _Keys(endpoint)
    try:
        # The name under which known_hosts has the keys contains the port already. Given port 22, paramiko does not add it again.
        client.connect(
            endpoint.host_key_name, 22, username=endpoint.user, sock=_socket(endpoint, via), auth_strategy=users,
            transport_factory=None if known.keys else _for_certificates,
            timeout=endpoint.connect_timeout, banner_timeout=endpoint.connect_timeout, auth_timeout=endpoint.connect_timeout,
        )  # fmt: skip
    except paramiko.BadHostKeyException:
        raise ConnectionRefused(
            f"the host key of {where} is not the one in your known_hosts; someone may be intercepting the connection: "
            "compare keys before you trust it"
        ) from None
    except (paramiko.AuthenticationException, AuthFailure):
        raise ConnectionRefused(
            f"{where} accepted none of your keys for user {endpoint.user}; try `ssh {endpoint.alias}`, and load your key with ssh-add"
        ) from None
    except (paramiko.SSHException, EOFError, OSError) as error:
        client.close()
        raise ConnectionRefused(f"{where} cannot be reached: {_reason(error)}; check the network and `ssh {endpoint.alias}`") from None
    transport = client.get_transport()
    assert transport is not None
    if transport.get_remote_server_key().get_base64() in known.revoked:
        client.close()
        raise ConnectionRefused(f"the host key of {where} is marked as revoked in your known_hosts; do not trust that host")
    assert users.tried is not None
    keys = Keys(transport.get_remote_server_key().fingerprint, users.tried.fingerprint)
    return Connection(client, endpoint.alias, via, keys, sudo=sudo)


def _socket(endpoint: Endpoint, via: Connection | None) -> "socket.socket | paramiko.Channel | paramiko.ProxyCommand":
    if via:
        return via.forward(endpoint.hostname, endpoint.port, endpoint.connect_timeout)
    if endpoint.proxy_command:
        return paramiko.ProxyCommand(f"sh -c {shlex.quote('exec ' + endpoint.proxy_command)}")
    link = socket.create_connection((endpoint.hostname, endpoint.port), timeout=endpoint.connect_timeout)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux: the connection fails when sent data, keepalives included, is not acknowledged in time
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE * 1000)
    return link


def _reason(error: BaseException) -> str:
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(error, TimeoutError):
        return "no answer"
    return str(error) or type(error).__name__


def _for_certificates(sock: Any, /, **options: Any) -> paramiko.Transport:
    """A transport that asks the host for a certificate. It is used when known_hosts has no key of the host."""
    transport = paramiko.Transport(sock, **options)
    transport.get_security_options().key_types = certificate.KINDS
    return transport


class _Certified(paramiko.MissingHostKeyPolicy):
    """Accepts a host key that is not in known_hosts if an authority in known_hosts has certified it for this host."""

    def __init__(self, endpoint: Endpoint, known: Known) -> None:
        self._endpoint = endpoint
        self._known = known

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        """Raise SSHException unless the key is certified."""
        name = hostname.removeprefix("[").rpartition("]")[0] or hostname
        certified = key.public_blob.key_blob if key.public_blob else b""
        objection = certificate.objection(certified, self._known.authorities - self._known.revoked, name)
        if objection:
            raise paramiko.SSHException(f"its host key is not known: {objection}")


class _Keys(AuthStrategy):
    """The user's keys, in the order in which OpenSSH tries them. `tried` is the last that was tried: the one that the host accepted.

    First come the key files that the configuration names; a key that the agent holds as well is taken from the agent. Then come
    the other keys of the agent.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(ssh_config=paramiko.SSHConfig())
        self._endpoint = endpoint
        self.tried: paramiko.PKey | None = None

    def get_sources(self) -> Iterator[AuthSource]:
        for key in self._keys():
            self.tried = key
            yield InMemoryPrivateKey(self._endpoint.user, key)

    def _keys(self) -> Iterator[paramiko.PKey]:
        endpoint = self._endpoint
        agent = {key.asbytes(): key for key in _agent_keys(endpoint.agent)}
        for file in endpoint.identity_files:
            public = file if file.suffix == ".pub" else file.with_name(file.name + ".pub")
            blob = paramiko.pkey.PublicBlob.from_file(str(public)).key_blob if public.is_file() else None
            if blob in agent:
                yield agent.pop(blob)
                continue
            try:
                yield paramiko.PKey.from_path(file)
            except (paramiko.SSHException, OSError, ValueError, TypeError):
                continue  # the file needs a passphrase, or is not a private key: such keys are used through the agent
        if not endpoint.identities_only:
            yield from agent.values()


def _agent_keys(path: str | None) -> tuple[paramiko.AgentKey, ...]:
    if path is None:
        return ()
    before = os.environ.get("SSH_AUTH_SOCK")
    os.environ["SSH_AUTH_SOCK"] = path  # paramiko takes the agent's path from the environment only
    try:
        return paramiko.Agent().get_keys()
    except (paramiko.SSHException, OSError):
        return ()
    finally:
        if before is None:
            del os.environ["SSH_AUTH_SOCK"]
        else:
            os.environ["SSH_AUTH_SOCK"] = before
