"""The program that the services of these stacks run. Its environment says whether it answers requests, passes them on or waits."""

import http.client
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BROKEN = False
env = os.environ


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        status, body = self.answer()
        self.send_response(status)
        self.end_headers()
        if status != 204:
            self.wfile.write(body.encode())

    def answer(self):
        try:
            if "BACKEND" in env:
                return self.passed_on()
            if "TOKEN" in env and self.headers["Authorization"] != f"Bearer {env['TOKEN']}":
                return 401, "who asks?"
            for name in env.get("REQUIRES", "").split():
                if not env.get(name):
                    raise KeyError(name)
            if BROKEN:
                raise ZeroDivisionError("division by zero")
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            print(said, flush=True)
            return 500, said
        return int(env.get("STATUS", "200")), env.get("BODY", "fine")

    def passed_on(self):
        backend = http.client.HTTPConnection(env["BACKEND"], timeout=2)
        backend.request("GET", self.path, headers={"Authorization": self.headers["Authorization"] or ""})
        answer = backend.getresponse()
        return answer.status, answer.read().decode()


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
if sys.argv[1:] == ["wait"]:
    while True:
        signal.pause()
ThreadingHTTPServer(("", int(env.get("PORT", "3000"))), Handler).serve_forever()
