"""The connection, against the practice host's sshd and OpenSSH's own reading of its configuration."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.practice_host import PracticeHost
from rollback_lib.errors import ConnectionRefused, LinkLost
from rollback_lib.host.connect import connect
from rollback_lib.host.connection import Connection
from rollback_lib.host.ending import Ending, Kind
from rollback_lib.host.ssh_config import resolve


@pytest.fixture
def link(host: PracticeHost) -> Iterator[Connection]:
    connection = connect_again(host)  # the test before may have let sshd read its configuration again
    yield connection
    connection.close()


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_both_streams_and_the_status(link: Connection) -> None:
    result = link.run("echo out; echo err >&2; exit 7")
    assert (result.status, result.out, result.err) == (7, "out\n", "err\n")


def test_a_full_error_stream_does_not_block(link: Connection) -> None:
    result = link.run("head -c 8388608 /dev/zero >&2; echo done", deadline=20)
    assert (result.status, result.out) == (0, "done\n")
    assert result.dropped == 8388608 - 2 * 64 * 1024 or result.dropped > 8_000_000


def test_a_trickling_command_is_ended_at_its_deadline_with_its_children(link: Connection) -> None:
    result = link.run("echo $$; while :; do echo x; sleep 0.1; done", deadline=1)
    assert result.ending == Ending(Kind.DEADLINE, 1)
    assert link.run(f"ps -o pid= --ppid {result.out.split()[0]}; kill -0 {result.out.split()[0]}").status != 0


def test_a_child_left_behind_does_not_hold_us(link: Connection) -> None:
    started = time.monotonic()
    assert link.run("sleep 30 & echo here", deadline=20).out == "here\n"
    assert time.monotonic() - started < 10


def test_many_commands_at_once_on_one_connection(host: PracticeHost, link: Connection) -> None:
    logins = int(link.check("grep -c Accepted /var/log/sshd.log"))
    results: list[str] = []
    threads = [threading.Thread(target=lambda n=n: results.append(link.check(f"echo {n}"))) for n in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(int, results)) == list(range(30))
    assert int(link.check("grep -c Accepted /var/log/sshd.log")) == logins


def test_a_thousand_quick_commands_do_not_break_the_link(link: Connection) -> None:
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda number: link.run(f"echo {number}; exit {number % 3}"), range(1000)))
    assert [(result.status, result.out) for result in results] == [(number % 3, f"{number}\n") for number in range(1000)]


def test_a_shell_that_was_killed_while_it_waited_is_replaced(host: PracticeHost, link: Connection) -> None:
    """Whether that was known already when it got its script, or not."""
    killed = 0
    for number in range(20):
        # pkill fails where no shell waits at that moment; what is killed is counted, and asserted in all.
        killed += int(host.exec("pkill -KILL -c -f 'read -r [s]econds' || true"))
        assert link.run(f"echo {number}; exit 3").out == f"{number}\n"
    assert killed >= 20


@pytest.mark.parametrize("sessions", [1, 2, 4])
def test_few_sessions_are_enough(host: PracticeHost, sessions: int) -> None:
    """A channel that was opened ahead never keeps out the command that needs one."""
    host.exec(f"echo MaxSessions {sessions} >/etc/ssh/sshd_config.d/few.conf; kill -HUP $(cat /run/sshd.pid)")
    try:
        link = connect_again(host)
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda number: link.check(f"sleep 0.05; echo {number}"), range(24)))
        assert found == [f"{number}\n" for number in range(24)]
        link.close()
    finally:
        host.exec("rm /etc/ssh/sshd_config.d/few.conf; kill -HUP $(cat /run/sshd.pid)")


def connect_again(host: PracticeHost, config: Path | None = None) -> Connection:
    """Connect, and try again for a moment: sshd opens its socket again when it reads its configuration."""
    for _ in range(50):
        try:
            return connect("contabo", config or host.ssh_config)
        except ConnectionRefused as error:
            if "cannot be reached" not in str(error) or "host key" in str(error):
                raise
            time.sleep(0.1)
    return connect("contabo", config or host.ssh_config)


def test_a_command_that_reads_its_input_finds_its_end(link: Connection) -> None:
    assert link.check("cat; echo end", deadline=5) == "end\n"


def test_the_environment_is_clean(host: PracticeHost, link: Connection) -> None:
    link.check("echo 'export MODEL=wrong' >>/root/.bashrc")
    assert "MODEL" not in link.check("env")


MEASURE = """
import resource, sys, pathlib
from rollback_lib.host.connect import connect
link = connect("contabo", pathlib.Path(sys.argv[1]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
result = link.run("yes 0123456789 | head -c 100000000", deadline=60)
print(result.dropped, len(result.out), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_hundred_megabytes_do_not_fill_memory(host: PracticeHost) -> None:
    told = subprocess.run([sys.executable, "-c", MEASURE, host.ssh_config], capture_output=True, text=True, check=True).stdout
    dropped, kept, kibibytes = map(int, told.split())
    assert dropped > 99_000_000
    assert kept < 140_000
    assert kibibytes < 20_000


def test_a_link_that_breaks_is_said_to_be_lost(link: Connection) -> None:
    with pytest.raises(LinkLost, match="broke while a command was running"):
        link.run("kill -9 $(ps -o ppid= -p $(ps -o ppid= -p $PPID)); sleep 20", deadline=20)
    with pytest.raises(LinkLost):
        link.run("true")


def test_jump_hosts_proxy_commands_and_aliases(host: PracticeHost, tmp_path: Path) -> None:
    base = host.ssh_config.read_text()
    inner = base.replace("Host contabo", "Host inner").replace(f"Port {host.ssh_port}", "Port 22\n  HostKeyAlias practice")
    key = (host.folder / "known_hosts").read_text().split(" ", 1)[1]
    known = write(tmp_path / "known", f"practice {key}")
    inner = inner.replace(f"{host.folder}/known_hosts", str(known))
    jump = write(tmp_path / "jump", f"{base}\n{inner}  ProxyJump contabo\n")
    proxy = write(tmp_path / "proxy", f"{base}\n{inner}  ProxyCommand ssh -F {host.ssh_config} -W %h:%p contabo\n")
    for config in (jump, proxy):
        connection = connect("inner", config)
        assert connection.check("hostname") == "contabo\n"
        connection.close()


def test_hashed_host_keys_and_several_types(host: PracticeHost, tmp_path: Path) -> None:
    known = write(tmp_path / "known", (host.folder / "known_hosts").read_text())
    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", tmp_path / "other"], check=True)
    other = " ".join((tmp_path / "other.pub").read_text().split()[:2])
    known.write_text(f"[127.0.0.1]:{host.ssh_port} {other}\n" + known.read_text())
    subprocess.run(["ssh-keygen", "-H", "-f", known], check=True, capture_output=True)
    assert "127.0.0.1" not in known.read_text()
    config = write(tmp_path / "config", host.ssh_config.read_text().replace(f"{host.folder}/known_hosts", str(known)))
    connection = connect("contabo", config)
    assert connection.check("hostname") == "contabo\n"
    connection.close()


def certified(host: PracticeHost, folder: Path, *words: str) -> tuple[Path, str]:
    """Give the practice host a certificate for its key, signed by a new authority. Returns a client's configuration that trusts only this
    authority, and the public key of the authority."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "authority"], check=True)
    public = folder / "host.pub"
    public.write_text((host.folder / "ssh_host_ed25519_key.pub").read_text())
    subprocess.run(["ssh-keygen", "-q", "-s", folder / "authority", "-I", "practice", "-h", *words, public], check=True)
    certificate = (folder / "host-cert.pub").read_text().strip()
    host.exec(f"""echo '{certificate}' >/etc/ssh/host-cert.pub
        echo 'HostCertificate /etc/ssh/host-cert.pub' >/etc/ssh/sshd_config.d/certificate.conf; kill -HUP $(cat /run/sshd.pid)
        until ssh-keyscan -qc 127.0.0.1 | grep -q cert; do sleep 0.1; done""")
    key = " ".join((folder / "authority.pub").read_text().split()[:2])
    known = write(folder / "known", f"@cert-authority [127.0.0.1]:{host.ssh_port} {key}\n")
    return write(folder / "config", host.ssh_config.read_text().replace(f"{host.folder}/known_hosts", str(known))), key


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-n", "contabo,127.0.0.1"), ""),
        (("-n", "*"), "its certificate is for"),
        ((), ""),
        (("-n", "another"), "its certificate is for another"),
        (("-n", "127.0.0.1", "-V", "-2d:-1d"), "its certificate is valid from"),
        (("-n", "127.0.0.1", "-V", "-1d:+1d"), ""),
    ],
)
def test_host_certificates(host: PracticeHost, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    config, _ = certified(host, tmp_path, *words)
    try:
        client = subprocess.run(["ssh", "-F", config, "contabo", "hostname"], capture_output=True, text=True)
        if said:
            assert client.returncode != 0
            with pytest.raises(ConnectionRefused, match=said):
                connect_again(host, config)
        else:
            connection = connect_again(host, config)
            assert connection.check("hostname") == client.stdout == "contabo\n"
            connection.close()
    finally:
        host.exec("rm /etc/ssh/sshd_config.d/certificate.conf; kill -HUP $(cat /run/sshd.pid)")


def test_an_authority_that_did_not_sign_or_is_revoked(host: PracticeHost, tmp_path: Path) -> None:
    config, key = certified(host, tmp_path, "-n", "127.0.0.1")
    known = tmp_path / "known"
    text = known.read_text()
    try:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
        other = " ".join((tmp_path / "other.pub").read_text().split()[:2])
        known.write_text(text.replace(key, other))
        with pytest.raises(ConnectionRefused, match="signed by another authority"):
            connect_again(host, config)
        known.write_text(text + f"@revoked * {key}\n")
        with pytest.raises(ConnectionRefused, match="signed by another authority"):
            connect_again(host, config)
    finally:
        host.exec("rm /etc/ssh/sshd_config.d/certificate.conf; kill -HUP $(cat /run/sshd.pid)")


def test_a_configuration_that_hangs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rollback_lib.host.ssh_config.PATIENCE", 1)
    config = write(tmp_path / "config", 'Match exec "sleep 30"\n  User nobody\n')
    with pytest.raises(ConnectionRefused, match="did not end in 1 s; a `Match exec`"):
        resolve("contabo", config)


def test_a_key_that_only_the_agent_has(host: PracticeHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    socket = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    try:
        while not socket.exists():
            assert agent.poll() is None
        subprocess.run(["ssh-add", "-q", host.folder / "id_ed25519"], env={**os.environ, "SSH_AUTH_SOCK": str(socket)}, check=True)
        public = write(tmp_path / "only.pub", (host.folder / "id_ed25519.pub").read_text())
        text = host.ssh_config.read_text().replace(
            f"IdentityFile {host.folder}/id_ed25519", f"IdentityFile {public}\n  IdentityAgent {socket}"
        )
        connection = connect("contabo", write(tmp_path / "config", text))
        assert connection.check("hostname") == "contabo\n"
        connection.close()
    finally:
        agent.terminate()
        agent.wait()


@pytest.mark.parametrize(
    "lines",
    [
        "Host c\n  HostName example.org\n  User deploy\n  Port 2200\n",
        "Host *\n  User everyone\n\nHost c\n  HostName 192.0.2.7\n",
        "Match host c\n  User matched\n  ConnectTimeout 3\n",
        "Host c\n  ProxyJump a@b:3,d\n",
        "Host c\n  ProxyCommand nc %h %p\n",
        "Host c\n  ProxyCommand tunnel --to wss://gate.example.org//%h:%p ~/x\n",
        "Host c\n  IdentitiesOnly yes\n  HostKeyAlias other\n",
        "Include included\n",
    ],
)
def test_settings_are_those_openssh_reads(tmp_path: Path, lines: str) -> None:
    included = write(tmp_path / "included", "Host c\n  HostName from-include\n")
    config = write(tmp_path / "config", lines.replace("Include included", f"Include {included}"))
    told = subprocess.run(["ssh", "-F", config, "-G", "c"], capture_output=True, text=True, check=True).stdout
    settings = dict(line.split(" ", 1) for line in told.splitlines())
    endpoint = resolve("c", config)
    assert (endpoint.hostname, str(endpoint.port), endpoint.user) == (settings["hostname"], settings["port"], settings["user"])
    assert ",".join(endpoint.jumps) == settings.get("proxyjump", "")
    assert endpoint.identities_only == (settings["identitiesonly"] == "yes")
    assert (endpoint.proxy_command or "") == settings.get("proxycommand", "").replace("%h", endpoint.hostname).replace(
        "%p", str(endpoint.port)
    )
    assert endpoint.host_key_name == settings.get(
        "hostkeyalias", endpoint.hostname if endpoint.port == 22 else f"[{endpoint.hostname}]:{endpoint.port}"
    )


def test_a_command_ended_by_a_signal_is_no_lost_link(link: Connection) -> None:
    assert link.run("echo last words >&2; kill -9 $PPID", deadline=10).ending == Ending(Kind.LOST)
    assert link.run("true").status == 0
