"""The questions to a registry, asked by a real shell and curl of a registry that wants credentials."""

import base64
import hashlib
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rollback_lib.commands.command import script
from rollback_lib.commands.image import Reference
from rollback_lib.facts import registry
from rollback_lib.facts.fact import Fact

MANIFEST = json.dumps({"config": {"digest": "sha256:" + "c" * 64}, "layers": [{"size": 5}, {"size": 7}]}).encode()
DIGEST = "sha256:" + hashlib.sha256(MANIFEST).hexdigest()
CREDENTIALS = base64.b64encode(b"someone:pa55-word").decode()


class Registry(BaseHTTPRequestHandler):
    """Answers as the distribution specification says; `wants` is how it asks for credentials."""

    wants = ""

    def do_GET(self) -> None:
        given = self.headers.get("Authorization", "")
        if self.path.startswith("/token?"):
            right = given == f"Basic {CREDENTIALS}" and "scope=repository:dyniq/api:pull" in self.path and "service=reg" in self.path
            self.answer(200 if right else 401, json.dumps({"token": "t0ken" if right else ""}).encode())
        elif self.wants and given != {"Bearer": "Bearer t0ken", "Basic": f"Basic {CREDENTIALS}"}[self.wants]:
            realm = f'Bearer realm="http://{self.headers["Host"]}/token",service="reg"' if self.wants == "Bearer" else 'Basic realm="reg"'
            self.answer(401, b"{}", ("WWW-Authenticate", realm))
        elif self.path.startswith("/v2/dyniq/api/tags/list"):
            self.answer(200, b'{"name": "dyniq/api", "tags": ["1", "2"]}')
        elif self.path == "/v2/dyniq/api/manifests/1":
            self.answer(200, MANIFEST, ("Docker-Content-Digest", DIGEST))
        else:
            self.answer(200 if self.path == "/v2/" else 404, b"{}")

    def answer(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()


def ask(fact: Fact, home: Path) -> object:
    environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
    done = subprocess.run(["sh", "-c", script(fact.commands)], capture_output=True, text=True, env=environment)
    return fact.read(done.stdout) if done.returncode == 0 else fact.otherwise(done.stderr)


@pytest.mark.parametrize("wants", ["", "Basic", "Bearer"])
def test_tags_and_manifests_with_the_hosts_own_credentials(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wants: str
) -> None:
    monkeypatch.setattr(Registry, "wants", wants)
    (tmp_path / ".docker").mkdir()
    login = json.dumps({"auths": {"other:1": {"auth": "eA=="}, address: {"auth": CREDENTIALS}}}, indent="\t")
    (tmp_path / ".docker" / "config.json").write_text(login)
    image = Reference.parse(f"{address}/dyniq/api:latest")
    assert ask(registry.tags(image), tmp_path) == ["1", "2"]
    found = ask(registry.manifests(image, ["1", "gone"]), tmp_path)
    assert found == {"1": registry.Tagged("1", DIGEST, 12, "sha256:" + "c" * 64)}


def test_without_credentials_or_registry_it_says_why(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Registry, "wants", "Bearer")
    refused = ask(registry.tags(Reference.parse(f"{address}/dyniq/api")), tmp_path)
    assert isinstance(refused, registry.Unavailable)
    assert "401" in refused.why
    nobody = ask(registry.tags(Reference.parse("127.0.0.1:1/dyniq/api")), tmp_path)
    assert isinstance(nobody, registry.Unavailable)
    assert "127.0.0.1 port 1" in nobody.why
    assert ask(registry.manifests(Reference.parse("127.0.0.1:1/dyniq/api"), ["1"]), tmp_path) == {}


def test_an_index_of_several_platforms_has_a_digest_and_no_size() -> None:
    fact = registry.manifests(Reference.parse("ghcr.io/dyniq/api"), ["1"])
    index = 'HTTP/2 200\r\ndocker-content-digest: sha256:ab\r\n\r\n{"manifests": []}\n\x1e200\n'
    assert fact.read(index) == {"1": registry.Tagged("1", "sha256:ab", None, None)}
