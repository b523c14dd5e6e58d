"""On hosts of other shapes every procedure ends new-good and is undone to old-bad, or is refused by the plan with a sentence."""

from collections.abc import Callable

import pytest

from lab.drill import DRILLS, MARKED
from lab.shapes import DIMENSIONS
from tests.acceptance.hosts.looking import Look, look
from tests.acceptance.hosts.matrix import CELLS, SHORT, Cell
from tests.machine import Done, Machine


@pytest.mark.parametrize("cell", [pytest.param(cell, id=str(cell), marks=() if cell in SHORT else pytest.mark.whole) for cell in CELLS])
def test_a_procedure_on_a_host_of_another_shape(clean: Machine, cell: Cell, ends: Callable[[Cell, str], None]) -> None:
    ends(cell, "failed")
    clean.host.shape(dict(zip(DIMENSIONS, cell.shape, strict=True)))
    scenario, own = DRILLS[cell.procedure]
    good = look(clean.host)
    if cell.procedure in MARKED:
        clean.mark()
    clean.host.break_(scenario)
    bad = look(clean.host)
    assert bad.routes != good.routes

    done = clean.apply(*(word for key, value in own.items() for word in ("-p", f"{key}={value}")), procedure=cell.procedure)
    if refused(done) and cell not in SHORT:
        assert look(clean.host) == bad
        ends(cell, f"refused: {done.record['reason']}")
        return
    assert done.status == 0, done.out + done.err
    as_before(look(clean.host), good, cell.procedure)

    undone = clean.undo(done.folder)
    assert undone.status == 0, undone.out + undone.err
    if cell.procedure == "redeploy":  # nobody wants the networks gone again
        assert done.record["steps"]["build"] == "done"
        as_before(look(clean.host), good, cell.procedure)
    else:
        assert look(clean.host) == bad
    ends(cell, "ok")


def refused(done: Done) -> bool:
    """Whether the plan was refused with a sentence, before anything was changed."""
    return done.status == 3 and done.record["verdict"] == "refused"


def as_before(now: Look, good: Look, procedure: str) -> None:
    """Check that everything which the procedure rolls back is as it was before it was broken."""
    assert now.routes == good.routes
    assert list(now.containers) == list(good.containers)
    assert all(len(images) == 1 for images in now.images.values())
    if procedure == "code":
        assert now.tree.splitlines()[0] == good.tree.splitlines()[0]
        assert now.files == good.files
    elif procedure in ("env", "caddyfile"):
        name = {"env": ".env", "caddyfile": "Caddyfile"}[procedure]
        (path,) = (one for one in good.files if one.endswith(f"/{name}") and one != "./docker/.env")
        assert now.files[path] == good.files[path]
    elif procedure == "release":
        assert (now.tree, now.files, now.containers) == (good.tree, good.files, good.containers)
    elif procedure == "database":
        assert now.database == good.database
    elif procedure == "redeploy":
        assert [one.networks for one in now.containers.values()] == [one.networks for one in good.containers.values()]
