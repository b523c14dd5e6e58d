"""The checks of all parameters of a run, made before anything is contacted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from rollback_lib.errors import ParameterError
from rollback_lib.health.headers import check_variables
from rollback_lib.health.tls import check_authorities
from rollback_lib.procedures import registry
from rollback_lib.run.checklist import checked
from rollback_lib.stack.model import Stack
from rollback_lib.text import times

MODES = ("plan", "apply")
ON_FAILURE = ("stop", "undo")


@dataclass(frozen=True)
class Options:
    """The options that every run has, with the values that the parameters cell of a notebook gives. `check` says which are valid."""

    mode: object = "plan"
    on_failure: object = "stop"
    reason: object = ""
    take_over: object = "false"
    revert_after: object = ""
    reviewed: object = ""
    checked: object = ""
    break_glass: object = ""

    def check(self) -> None:
        """Raises ParameterError if an option has a value that is not allowed."""
        allowed = (("mode", MODES), ("on_failure", ON_FAILURE), ("take_over", ("false", "true")))
        for name, words in allowed:
            if str(value := getattr(self, name)).lower() not in words:
                raise ParameterError(f"{name}: one of {', '.join(words)} is expected, not {value!r}")
        if not isinstance(self.reason, str):
            raise ParameterError(f"reason: a text is expected, not {self.reason!r}")
        if self.revert_after != "" and times.span(str(self.revert_after)) is None:
            raise ParameterError(f"revert_after: a time such as 90s, 5m or 1h is expected, not {self.revert_after!r}")
        if not isinstance(self.reviewed, str) or not re.fullmatch(r"[0-9a-f]{12}|", self.reviewed):
            raise ParameterError(f"reviewed: the 12 hex digits of a plan are expected, as text, not {self.reviewed!r}")
        checked(self.checked)
        if not isinstance(self.break_glass, str) or (self.break_glass and not self.break_glass.strip()):
            raise ParameterError(f"break_glass: the reason is expected, as text, not {self.break_glass!r}")

    @property
    def takes_over(self) -> bool:
        return str(self.take_over).lower() == "true"

    @property
    def revert_seconds(self) -> float:
        """After how many seconds the host undoes the rollback by itself; 0 for never."""
        return times.span(str(self.revert_after)) or 0.0


def check(procedure: str, stack: "str | Path | Mapping[str, Any] | Stack", options: Options, **parameters: object) -> Stack:
    """Check every parameter, also those of the procedure, without contacting anything. Returns the stack; raises ParameterError."""
    called = registry.procedure(procedure)
    options.check()
    loaded = Stack.load(stack)
    registry.check(loaded)
    if loaded.approval and options.mode == "apply" and not options.break_glass:
        loaded.approval.check()
    called.check(loaded, **parameters)
    check_authorities(loaded.routes)
    check_variables(loaded.routes)
    return loaded


def check_notebook(procedure: str, stack: "str | Stack", parameters: Mapping[str, Any]) -> Stack:
    """Check the parameters of a procedure's notebook. Returns the stack; raises ParameterError."""
    known = {field.name for field in fields(Options)}
    options = Options(**{key: value for key, value in parameters.items() if key in known})
    own = {key: value for key, value in parameters.items() if key not in known | {"stack", "confirm"}}
    return check(procedure, stack, options, **own)


def check_headless(procedure: str, parameters: Mapping[str, Any]) -> Stack:
    """Check the parameters of a notebook that runs without a person, who could confirm. Returns the stack; raises ParameterError."""
    if "stack" in parameters:
        stack = parameters["stack"]
    else:
        from rollback_lib.procedures.undo.origin import origin  # imported here, since only an undo needs it

        stack = origin(parameters["incident"]).stack
    loaded = check_notebook(procedure, stack, parameters)
    if parameters.get("mode") == "apply" and parameters["confirm"] != loaded.host:
        raise ParameterError(f"--apply changes {loaded.host}; say so with --confirm {loaded.host} (it is {parameters['confirm']!r})")
    return loaded
