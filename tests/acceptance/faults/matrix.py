"""The matrix of faults: every fault in every step of every procedure."""

from dataclasses import dataclass

from tests.faults import FAULTS

UNDO, WITH = "undo of ", " with "
# What is given to a run besides the parameters of its procedure's drill.
GIVEN = {"release with voice": {"databases": "voice", "accept_loss": "true"}}

# For each run, the steps that have something to do in the drill of its procedure, each with the number of the command before which it is
# stopped. The undo of a procedure is a run of its own.
STEPS: dict[str, dict[str, int]] = {
    "code": {"keep": 1, "build": 6, "restore_tree": 2, "recreate": 1, "remember": 0},
    "image": {"keep": 1, "pull": 0, "choose": 3, "recreate": 0, "remember": 0},
    "env": {"keep": 2, "put": 3, "recreate": 0, "remember": 0},
    "caddyfile": {"keep": 1, "put": 1, "load": 0, "remember": 0},
    "database": {"create": 2, "restore": 1, "prepare": 1, "swap": 1, "remember": 0},
    "datafile": {"fetch": 3, "stop": 1, "put": 1, "start": 1, "remember": 0},
    "redeploy": {"keep": 1, "build": 1, "redeploy": 3, "remember": 0},
    "release": {"keep": 3, "prove": 0, "change": 4, "recreate": 1, "load": 1, "remember": 1},
    "release with voice": {"restore": 4, "swap_voice": 1},
    "undo of release": {"undo_change": 2, "undo_recreate": 1},
    "undo of release with voice": {"undo_swap": 1},
    "undo of code": {"undo_tree": 1, "undo_recreate": 1},
    "undo of env": {"keep": 1, "undo_put": 1, "undo_recreate": 0},
    "undo of database": {"undo_swap": 0},
    "undo of datafile": {"undo_stop": 1, "undo_put": 2, "undo_start": 1},
}


@dataclass(frozen=True)
class Cell:
    """One fault in one step of a run. `run` is the name of a procedure, maybe with what it is `given`, or that of its undo."""

    run: str
    step: str
    fault: str

    @property
    def procedure(self) -> str:
        return self.run.removeprefix(UNDO).partition(WITH)[0]

    @property
    def given(self) -> dict[str, str]:
        """What the run is given besides the parameters of the drill."""
        return GIVEN.get(self.run.removeprefix(UNDO), {})

    @property
    def undoes(self) -> bool:
        return self.run.startswith(UNDO)

    def __str__(self) -> str:
        return f"{self.run.replace(' ', '-')}.{self.step}-{self.fault.replace(' ', '-')}"


CELLS = [Cell(run, step, fault) for run, steps in STEPS.items() for step in steps for fault in FAULTS]

# The cells of `make test`: every fault at least once, and every procedure in its most sensitive step.
SHORT = {
    Cell("code", "recreate", "connection cut"),
    Cell("image", "recreate", "network silent"),
    Cell("redeploy", "redeploy", "runner SIGKILL"),
    Cell("caddyfile", "put", "cells killed"),
    Cell("database", "swap", "runner SIGKILL"),
    Cell("env", "put", "job killed"),
    Cell("env", "recreate", "disk full"),
    Cell("code", "recreate", "docker restarted"),
    Cell("release", "change", "job killed"),
    Cell("undo of code", "undo_tree", "runner SIGKILL"),
}
