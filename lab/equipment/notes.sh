# A service of the stack that keeps its rows in a SQLite database in a volume, behind Caddy; a sidecar that has the same volume mounted;
# and backups of the database.
cd /opt/dyniq-voice
mkdir notes
cat >notes/server.py <<'EOF'
"""Notes: answers /health with how many notes there are in its SQLite database; without any, with the status 500."""

import json
import signal
import sqlite3
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            notes = database.execute("SELECT count(*) FROM notes").fetchone()[0]
            status, body = (200, {"notes": notes}) if notes else (500, {"error": "no notes"})
        except sqlite3.Error as error:
            print(f"ERROR {self.path}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            status, body = 500, {"error": type(error).__name__}
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *args):
        pass


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
database = sqlite3.connect("/data/notes.db", timeout=2)
print("notes listening on 8000", flush=True)
HTTPServer(("", 8000), Handler).serve_forever()
EOF
cat >/tmp/service.yml <<'EOF'
  notes:
    image: python:3.13-slim
    command: [python3, /srv/server.py]
    restart: unless-stopped
    volumes: ["../notes:/srv:ro", "notes_data:/data"]

  notes-copies:
    image: python:3.13-slim
    command: [sh, -c, "trap exit TERM; while :; do sleep 1 & wait; done"]
    restart: unless-stopped
    volumes: ["notes_data:/data"]

EOF
sed -i -e '/^services:/r /tmp/service.yml' -e 's/^volumes:/&\n  notes_data:/' docker/docker-compose.yml
rm /tmp/service.yml
printf '\nnotes.dyniq.ai {\n\treverse_proxy notes:8000\n}\n' >>docker/Caddyfile
git add notes docker
git commit -qm "Notes, in a SQLite database"
cd docker
docker compose up --no-start notes >/dev/null 2>&1
data=$(docker volume inspect --format '{{.Mountpoint}}' docker_notes_data)
python3 - "$data/notes.db" <<'EOF'
import os
import sqlite3
import sys
from datetime import UTC, datetime, timedelta

path = sys.argv[1]
live = sqlite3.connect(path)
live.executescript("""
    PRAGMA journal_mode = WAL;
    CREATE TABLE notes (id INTEGER PRIMARY KEY, said TEXT, at TEXT);
    CREATE TABLE tags (note INTEGER, tag TEXT);
""")
for hours in (26, 2):
    for number in range(600):
        live.execute("INSERT INTO notes (said, at) VALUES (?, datetime('now'))", (f"note {number}",))
        live.execute("INSERT INTO tags VALUES (last_insert_rowid(), 'voice')")
    live.commit()
    when = datetime.now(UTC) - timedelta(hours=hours)
    copy = f"/backup/notes-{when:%Y-%m-%d-%H}.db"
    backup = sqlite3.connect(copy)
    live.backup(backup)
    backup.execute("PRAGMA journal_mode = DELETE")
    backup.close()
    os.utime(copy, (when.timestamp(), when.timestamp()))
live.close()
os.chmod(path, 0o640)
os.chown(path, 1000, 1000)
EOF
docker compose up -d notes notes-copies >/dev/null 2>&1
docker exec docker-caddy-1 caddy reload --config /etc/caddy/Caddyfile --adapter caddyfile >/dev/null 2>&1
