"""Every step of every procedure, with every fault."""

from dataclasses import dataclass

from tests.faults import FAULTS

UNDO = "undo of "

# Steps that have something to do in the drill of the procedure, and the command before which they are stopped; those of an undo
# by the procedure that it undoes.
STEPS: dict[str, dict[str, int]] = {
    "code": {"keep": 1, "build": 6, "restore_tree": 2, "recreate": 1, "remember": 0},
    "image": {"keep": 1, "pull": 0, "choose": 3, "recreate": 0, "remember": 0},
    "env": {"keep": 2, "put": 3, "recreate": 0, "remember": 0},
    "caddyfile": {"keep": 1, "put": 1, "load": 0, "remember": 0},
    "database": {"create": 1, "restore": 1, "prepare": 1, "swap": 1, "remember": 0},
    "redeploy": {"keep": 1, "build": 1, "redeploy": 3, "remember": 0},
    "undo of code": {"undo_tree": 1, "undo_recreate": 1},
    "undo of env": {"keep": 1, "undo_put": 1, "undo_recreate": 0},
    "undo of database": {"undo_swap": 0},
}


@dataclass(frozen=True)
class Cell:
    """One fault in one step of a run: of a procedure, or of the undo of one."""

    run: str
    step: str
    fault: str

    @property
    def procedure(self) -> str:
        return self.run.removeprefix(UNDO)

    @property
    def undoes(self) -> bool:
        return self.run.startswith(UNDO)

    def __str__(self) -> str:
        return f"{self.run.replace(' ', '-')}.{self.step}-{self.fault.replace(' ', '-')}"


CELLS = [Cell(run, step, fault) for run, steps in STEPS.items() for step in steps for fault in FAULTS]

# In `make test`: every fault at least once, every procedure in the step that hurts most.
SHORT = {
    Cell("code", "recreate", "connection cut"),
    Cell("image", "recreate", "network silent"),
    Cell("code", "build", "runner SIGTERM"),
    Cell("redeploy", "redeploy", "runner SIGKILL"),
    Cell("caddyfile", "put", "kernel killed"),
    Cell("database", "swap", "runner SIGKILL"),
    Cell("env", "put", "job killed"),
    Cell("env", "recreate", "disk full"),
    Cell("code", "recreate", "docker restarted"),
    Cell("caddyfile", "load", "docker restarted"),
    Cell("undo of code", "undo_tree", "runner SIGKILL"),
    Cell("undo of env", "undo_put", "runner SIGTERM"),
}
