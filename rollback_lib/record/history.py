"""What earlier records say."""

import json
from pathlib import Path


def usual_seconds(root: Path, procedure: str, stack: str, most: int = 20) -> list[float]:
    """How long the latest successful runs of a procedure on a stack took, in seconds, newest first."""
    found = []
    for file in sorted(root.glob(f"[0-9]*/[0-9]*/[0-9]*/*-{procedure}-*/record.json"), reverse=True)[:most]:
        try:
            record = json.loads(file.read_text())
        except (OSError, ValueError):
            continue
        if record.get("verdict") == "succeeded" and record.get("stack") == stack:
            found.append(float(record["seconds"]))
    return found
