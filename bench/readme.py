"""`python -m bench.readme` makes the tables of bench/README.md from bench/results.json. A table stands between `<!-- NAME -->` and
`<!-- / -->`."""

import re
import sys
from pathlib import Path

from bench.results import FILE, Results
from bench.tables import TABLES
from rollback_lib.settings import PROJECT

README = PROJECT / "bench" / "README.md"
_PLACE = re.compile(r"(?<=<!-- )(\w+)( -->\n)(?:.*?\n)??(?=<!-- / -->)", re.DOTALL)


def written(page: str, results: Results) -> str:
    """The page with the tables of these results. Raises KeyError for a marker that no table has."""
    return _PLACE.sub(lambda place: f"{place[1]}{place[2]}{TABLES[place[1]](results)}\n", page)


def main(file: Path = FILE, page: Path = README) -> int:
    page.write_text(written(page.read_text(), Results.load(file)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
