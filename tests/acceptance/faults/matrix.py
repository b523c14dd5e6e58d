"""Every step of every procedure, with every fault."""

from dataclasses import dataclass

from tests.faults import FAULTS

# Steps that have something to do in the drill of the procedure, and the command in whose midst they are stopped.
STEPS: dict[str, dict[str, int]] = {
    "code": {"keep": 1, "build": 5, "restore_tree": 0, "recreate": 1, "remember": 0},
    "image": {"keep": 1, "pull": 0, "choose": 1, "recreate": 0, "remember": 0},
    "env": {"keep": 1, "put": 1, "recreate": 0, "remember": 0},
    "caddyfile": {"keep": 1, "put": 0, "load": 0, "remember": 0},
    "database": {"create": 1, "restore": 0, "prepare": 1, "swap": 1, "remember": 0},
    "redeploy": {"keep": 1, "build": 0, "redeploy": 3, "remember": 0},
}


@dataclass(frozen=True)
class Cell:
    """One fault in one step."""

    procedure: str
    step: str
    fault: str

    def __str__(self) -> str:
        return f"{self.procedure}.{self.step}-{self.fault.replace(' ', '-')}"


CELLS = [Cell(procedure, step, fault) for procedure, steps in STEPS.items() for step in steps for fault in FAULTS]

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
}
