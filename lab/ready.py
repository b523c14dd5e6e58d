"""Gets everything ready that practice hosts are made from. `python -m lab.ready` does so on a bare machine, by a Python that has no
package yet. `python -m lab.ready check` only says whether it could, and `python -m lab.ready engine` stops when Docker Engine runs."""

import sys
from collections.abc import Sequence

from lab import engine, images
from lab.progress import Progress
from rollback_lib.errors import LabError

STAGES = 2 + images.STAGES  # install the engine, start it, build


def prepare(progress: Progress) -> None:
    """Make what is missing: the engine, the images, the seeded disk. Raises LabError."""
    with images.one_at_a_time():  # hosts may be brought up side by side, and the first makes what all start from
        engine.ensure(progress)
        images.build(progress)


def main(words: Sequence[str]) -> int:
    """The exit status is one of docs/exit-statuses.md."""
    try:
        if "check" in words:
            engine.check()
        else:
            with Progress("practice host", STAGES) as progress:
                (engine.ensure if "engine" in words else prepare)(progress)
    except LabError as error:
        print(f"rollback: {error}", file=sys.stderr)
        return error.status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
