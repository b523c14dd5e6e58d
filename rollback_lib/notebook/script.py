"""The JavaScript of the widgets that are more than ipywidgets has. What they share is `lab.js`."""

from pathlib import Path


def script(name: str) -> str:
    """The module `name`.js, with what is shared above it."""
    folder = Path(__file__).parent
    return "".join((folder / f"{part}.js").read_text() for part in ("lab", name))
