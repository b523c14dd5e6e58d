"""The matrix of hosts: the shapes of practice hosts, and the procedures that are tried on each. Every pair of values of two dimensions
occurs in some shape."""

from dataclasses import dataclass

from allpairspy import AllPairs

from lab.drill import DRILLS
from lab.shapes import DIMENSIONS, SEEDED

# A data file needs a service that no shape has: see tests/acceptance/test_datafile.py.
PROCEDURES = [procedure for procedure in DRILLS if procedure not in ("undo", "readiness", "datafile")]
OF_SHOP = ("code", "env", "redeploy", "release")  # the stack `shop` has no proxy, no database and no production images
# Without the plain bash, which all other tests use as the login shell.
VALUES = {name: [value for value in values if (name, value) != ("shell", "bash")] for name, values in DIMENSIONS.items()}

Shape = tuple[str, ...]  # a value of each dimension


@dataclass(frozen=True)
class Cell:
    """One procedure on a host of one shape."""

    shape: Shape
    procedure: str

    def __str__(self) -> str:
        return f"{self.procedure}-on-{'-'.join(self.shape)}"


def procedures(shape: Shape) -> list[str]:
    """The procedures for which the stack of this shape has a section."""
    return [procedure for procedure in PROCEDURES if "shop" not in shape or procedure in OF_SHOP]


VERSIONS, *OTHERS = VALUES.values()
ENGINE = "docker-28"  # has rows of its own, since another value would change all rows
SHAPES: list[Shape] = [
    *(tuple(row) for row in AllPairs([[version for version in VERSIONS if version != ENGINE], *OTHERS])),
    *((ENGINE, *(values[row % len(values)] for values in OTHERS)) for row in range(max(map(len, OTHERS)))),
]

# The cells of `make test`: every layout, login shell, user and procedure, and most of the other values.
SHORT = [
    Cell(tuple({**SEEDED, **more}.values()), procedure)
    for procedure, more in (
        ("code", {"layout": "root", "git": "hook", "replicas": "3", "user": "deploy", "shell": "fish"}),
        ("code", {"versions": "compose-2.40", "layout": "shop", "git": "submodule", "replicas": "3", "user": "ops", "shell": "noisy"}),
        ("release", {"layout": "include", "git": "filter", "user": "ops", "shell": "tcsh"}),
        ("image", {"layout": "project-directory", "replicas": "3", "user": "deploy", "shell": "noisy"}),
        ("env", {"layout": "two-files", "git": "worktree", "user": "deploy", "shell": "tcsh"}),
        ("caddyfile", {"versions": "caddy-2.11", "layout": "profiles", "git": "worktree", "user": "ops", "shell": "fish"}),
        ("database", {"versions": "postgres-18", "layout": "root", "user": "deploy", "shell": "dash"}),
        ("redeploy", {"layout": "profiles", "replicas": "3", "user": "ops", "shell": "dash"}),
    )
]
CELLS = [*SHORT, *(cell for shape in SHAPES for procedure in procedures(shape) if (cell := Cell(shape, procedure)) not in SHORT)]
