#!/bin/sh
# A clean-up job has deleted all notes from the SQLite database of that service. Every health check of it answers 500.
set -eu
docker exec -i docker-notes-1 python3 - <<'EOF'
import sqlite3

database = sqlite3.connect("/data/notes.db")
database.execute("DELETE FROM notes WHERE at < datetime('now', '+1 day')")
database.commit()
EOF
