"""What the trials made beside the stack, measured before it is dropped."""

from collections.abc import Mapping
from dataclasses import dataclass

from rollback_lib.errors import Refused
from rollback_lib.facts.host import Host, Unanswered
from rollback_lib.plan.plan import Plan
from rollback_lib.procedures.common.readiness import Measured
from rollback_lib.procedures.readiness.noted import After
from rollback_lib.procedures.readiness.state import State, Target
from rollback_lib.procedures.registry import of_readiness


@dataclass(frozen=True)
class Restored:
    """The measurements, by the labels of the parts."""

    found: Mapping[str, Measured]


def restored(host: Host, now: State, target: Target, plan: Plan) -> Restored:
    """Measure what the trials were to make, even if they failed. Raises Refused if the host gives no answer."""
    made = After.read(plan.after).restored
    asked = {
        part.label: host.beside(one.measure, now.states[part.label], target.found[part.label], made[part.label])
        for part, one in of_readiness(now.stack) if one.measure and part.label in made
    }  # fmt: skip
    found = {}
    for label, answer in asked.items():
        measured = answer.result()
        if isinstance(measured, Unanswered):
            raise Refused(measured.why)
        found[label] = measured
    return Restored(found)
