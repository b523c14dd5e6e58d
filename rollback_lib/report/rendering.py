"""Pages from templates. Python prepares the content of a page, a file in `templates/` says how it looks, and all text is escaped.

Jinja2 is imported when the first page is written, not when a run starts.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from rollback_lib.report import inline

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, **shown: object) -> str:
    """The page that a template makes from the values in `shown`. Raises UndefinedError if the template uses a name that is not given."""
    return _environment().get_template(f"{template}.html.j2").render(**shown)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    made = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, auto_reload=False
    )  # fmt: skip
    made.filters["words"] = lambda text: Markup(inline.sentence(text))  # `sentence` escapes the text
    made.tests["long"] = inline.is_long
    return made
