"""Which rollbacks may begin without a person: those that the stack file names, and that lose no data."""

from collections.abc import Mapping

from rollback_lib.fleet.command import loaded

UNATTENDED = "its stack file (unattended)"  # who has approved such a rollback, in the words of its record


def unattended(stack: str, procedure: str, parameters: Mapping[str, str]) -> bool:
    """Whether a procedure may be applied to a stack without a person. Raises ParameterError if the stack file is wrong."""
    return procedure in loaded(stack).unattended and not parameters.get("databases") and "accept_loss" not in parameters
