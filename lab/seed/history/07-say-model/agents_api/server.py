"""Agents API: answers /health, and /greeting with a prompt from a file."""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg2

VERSION = "1.2.0"
PROMPTS = Path(__file__).parent / "prompts"


def health() -> tuple[int, dict]:
    connection = psycopg2.connect(os.environ["DATABASE_URL"], connect_timeout=2)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM agents")
            (agents,) = cursor.fetchone()
    finally:
        connection.close()
    return 200, {"status": "ok", "version": VERSION, "agents": agents}


def greeting() -> tuple[int, dict]:
    return 200, {"text": (PROMPTS / "greeting.txt").read_text().strip(), "model": os.environ.get("MODEL", "none")}


class Handler(BaseHTTPRequestHandler):
    routes = {"/health": health, "/greeting": greeting}

    def do_GET(self):
        route = self.routes.get(self.path)
        try:
            status, body = route() if route else (404, {"error": "no such route"})
        except Exception as error:
            print(f"ERROR {self.path}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            status, body = 500, {"error": type(error).__name__}
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        pass


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"agents-api {VERSION} listening on 8000", flush=True)
    ThreadingHTTPServer(("", 8000), Handler).serve_forever()
