"""Several dialogues with the host side by side: in each round all that they ask is asked at once."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from rollback_lib.errors import Refused
from rollback_lib.facts.fact import KEY, Dialogue, Fact


@dataclass(frozen=True)
class Unanswered:
    """A dialogue that came to no end, or a fact that the host did not give, and why."""

    why: str


def together(dialogues: Mapping[str, Dialogue[Any]]) -> Dialogue[dict[str, Any]]:
    """What each of them makes of its answers, by name; Unanswered for one whose questions failed. The others go on."""
    ended: dict[str, Any] = {}
    asking: dict[str, Mapping[str, Fact[Any]]] = {}

    def go_on(name: str, step: Callable[[], Mapping[str, Fact[Any]]]) -> None:
        asking.pop(name, None)
        try:
            asking[name] = step()
        except StopIteration as end:
            ended[name] = end.value
        except Refused as error:
            ended[name] = Unanswered(str(error))

    for name, dialogue in dialogues.items():
        go_on(name, partial(next, dialogue))
    while asking:
        found = yield {f"{name}/{key}": _forgiving(fact) for name, facts in asking.items() for key, fact in facts.items()}
        for name, facts in list(asking.items()):
            answers = {key: found[f"{name}/{key}"] for key in facts}
            failed = next((one for one in answers.values() if isinstance(one, Unanswered)), None)
            dialogue = dialogues[name]
            if failed:
                go_on(name, partial(dialogue.throw, Refused(failed.why)))
            else:
                go_on(name, partial(dialogue.send, answers))
    return ended


def _forgiving(fact: Fact[Any]) -> Fact[Any]:
    """The same fact; where it would refuse, it is Unanswered."""
    if fact is KEY:
        return fact

    def read(out: str) -> Any:
        try:
            return fact.read(out)
        except Refused as error:
            return Unanswered(str(error))
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
            return Unanswered(f"an answer cannot be understood ({type(error).__name__})")

    def hides(found: Any) -> Iterable[str]:
        return () if isinstance(found, Unanswered) else fact.hides(found)

    def spoken(found: Any, hide: Callable[[str], str]) -> Any:
        return found if fact.spoken is None or isinstance(found, Unanswered) else fact.spoken(found, hide)

    def otherwise(said: str) -> Any:
        if fact.otherwise is None:
            return Unanswered(f"{fact.missing}{': ' + said.strip().splitlines()[-1] if said.strip() else ''}")
        try:
            return fact.otherwise(said)
        except Refused as error:
            return Unanswered(str(error))

    return replace(fact, read=read, otherwise=otherwise, long=True, hides=hides, spoken=spoken if fact.spoken else None)
