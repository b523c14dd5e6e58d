"""Word-by-word answers."""

import os


def check() -> None:
    os.environ["STREAM_URL"]
