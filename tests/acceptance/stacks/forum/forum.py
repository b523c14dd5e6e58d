"""A forum: it is healthy if it can count its posts and authors, and write a visit. It keeps its connection as long as that works."""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pymysql

_PASSWORD = Path("/run/secrets/user").read_text().strip()
connection = None


def asked():
    global connection
    if connection is None:
        connection = pymysql.connect(
            host=os.environ["DATABASE_HOST"], user=os.environ["DATABASE_USER"], password=_PASSWORD, database=os.environ["DATABASE"],
            autocommit=True, connect_timeout=2, read_timeout=5,
        )  # fmt: skip
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM posts JOIN authors ON authors.id = posts.author")
            (posts,) = cursor.fetchone()
            cursor.execute("INSERT INTO visits (at) VALUES (NOW())")
            return posts
    except pymysql.Error:
        connection = None
        raise


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            posts = asked()
            status, body = (200 if posts else 500), f"{posts} posts"
        except Exception as error:
            status, body = 500, f"{type(error).__name__}: {error}"
            print(body, flush=True)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
HTTPServer(("", 3000), Handler).serve_forever()
