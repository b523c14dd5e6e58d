"""A real authority for timestamps (RFC 3161) for tests: OpenSSL behind a small HTTP server on 127.0.0.1."""

import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_CONFIGURATION = """
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
[stamps]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[tsa]
default_tsa = own
[own]
serial = serial
signer_cert = own.pem
signer_key = own.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
"""


class Authority:
    """The authority, with its keys in `folder`. `root` is the file of the certificate to trust, `certificates` one with its own as well.

    `answers` makes an answer of a question; a test may replace it.
    """

    def __init__(self, folder: Path, *, sends_all: bool = False) -> None:
        folder.mkdir()
        self._folder = folder
        self.root, self.certificates = folder / "root.pem", folder / "all.pem"
        (folder / "openssl.cnf").write_text(_CONFIGURATION + ("certs = root.pem\n" if sends_all else ""))
        (folder / "serial").write_text("01\n")
        new = ("-newkey", "rsa:2048", "-nodes", "-config", "openssl.cnf")
        self._openssl("req", "-x509", *new, "-keyout", "root.key", "-out", "root.pem", "-subj", "/CN=Root of a test", "-extensions", "root")
        self._openssl("req", *new, "-keyout", "own.key", "-out", "own.csr", "-subj", "/CN=Timestamps of a test")
        signs = ("-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-extfile", "openssl.cnf", "-extensions", "stamps")
        self._openssl("x509", "-req", "-in", "own.csr", "-out", "own.pem", *signs)
        self.certificates.write_text(self.root.read_text() + (folder / "own.pem").read_text())
        self.answers: Callable[[bytes], bytes] = self.answer
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.address = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, question: bytes) -> bytes:
        """What OpenSSL answers."""
        (self._folder / "question").write_bytes(question)
        self._openssl("ts", "-reply", "-config", "openssl.cnf", "-queryfile", "question", "-out", "answer")
        return (self._folder / "answer").read_bytes()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _openssl(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self._folder, check=True, capture_output=True)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = authority.answers(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None: ...

        return Handler
