# Another stack instead: no proxy, no database, no images of production; other services and names.
compose down >/dev/null 2>&1
goes_by <<'END'
tree=/opt/shop
origin=/srv/git/shop.git
project=shop
services="web worker"
mistype='s/^CURRENCY=.*/CURRENCY=/'
compose() { (cd "$tree" && docker compose "$@"); }
END
git init -q --bare "$origin"
git clone -q "$origin" "$tree" 2>/dev/null
cd "$tree"
mkdir web worker
cat >compose.yaml <<'END'
services:
  web:
    build: ./web
    env_file: .env
    restart: unless-stopped
    ports: ["443:8000"]
  worker:
    build: ./worker
    env_file: .env
    restart: unless-stopped
END
cat >web/server.py <<'END'
"""The shop: answers /health, 500 when it does not know its currency."""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

VERSION = "1.0"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if os.environ["CURRENCY"] else 500)
        self.end_headers()
        self.wfile.write(f"shop {VERSION}\n".encode())


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
HTTPServer(("", 8000), Handler).serve_forever()
END
printf 'FROM python:3.13-slim\nCOPY server.py /\nCMD ["python3", "/server.py"]\n' >web/Dockerfile
printf 'FROM python:3.13-slim\nCOPY queue /\nSTOPSIGNAL SIGKILL\nCMD ["sleep", "infinity"]\n' >worker/Dockerfile
echo orders >worker/queue
printf '.env\n.env.bak\n' >.gitignore
printf 'CURRENCY=EUR\nPAYMENT_KEY=%s\n' "$(od -An -N18 -tx1 /dev/urandom | tr -d ' \n')" >.env
chmod 600 .env
git add .
git commit -q -m "The shop"
git push -q origin HEAD:main
start
sed -i 's/"1.0"/"1.1"/' web/server.py
git commit -q -a -m "Say the version"
git push -q origin main
start
sed -i 's/os.environ\["CURRENCY"\]/os.environ.get("CURENCY")/; s/"1.1"/"1.2"/' web/server.py
git commit -q -a -m "Read the currency once"
git push -q origin HEAD:refs/lab/code
git reset -q --hard HEAD~1
