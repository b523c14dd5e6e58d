"""Choosing one of several services or files of a stack, as a parameter names it."""

from collections.abc import Sequence

from rollback_lib.errors import ParameterError


def chosen(parameter: str, asked: object, known: Sequence[str]) -> str:
    """The entry of `known` that `asked` names, in full or by the end of its path. `asked` may be empty if there is only one entry.
    Raises ParameterError, which lists the entries."""
    if asked == "" and len(known) == 1:
        return known[0]
    found = [one for one in known if asked == one or one.endswith(f"/{asked}")] if asked else []
    exact = [one for one in found if asked == one] or found
    if len(exact) == 1:
        return exact[0]
    there = ", ".join(known)
    if not asked:
        raise ParameterError(f"{parameter}: the stack has several, and one has to be named: {there}; give it with `-p {parameter}=…`")
    why = "more than one of them is called so" if found else "the stack has no such one"
    raise ParameterError(f"{parameter}: one of {there} is expected, not {str(asked)[:200]!r}: {why}")
