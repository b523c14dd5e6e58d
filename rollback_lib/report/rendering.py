"""Pages from templates: Python prepares what a page shows, `templates/` says how it looks, and all text is escaped on its way.

Jinja2 is imported when the first page is written, and not when a run starts.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from rollback_lib.report import inline

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, **shown: object) -> str:
    """The page that a template makes of what is shown; a name that it asks for and is not given raises UndefinedError."""
    return _environment().get_template(f"{template}.html.j2").render(**shown)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    made = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, auto_reload=False
    )  # fmt: skip
    made.filters["words"] = lambda text: Markup(inline.sentence(text))  # escaped there
    made.tests["long"] = inline.is_long
    return made
