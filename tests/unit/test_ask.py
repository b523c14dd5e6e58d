"""Dialogues: each round is answered, and a refusal reaches the one who asked."""

import pytest

from rollback_lib.command import Command
from rollback_lib.errors import Refused, TargetRefused
from rollback_lib.facts.ask import converse
from rollback_lib.facts.fact import Dialogue, Fact
from rollback_lib.host.connection import Result
from rollback_lib.host.ending import Ending


class Host:
    """Answers a script with what it echoes; one that says `fail` fails, one that says `much` says too much."""

    alias = "host"

    def run(self, script: str, **_: object) -> Result:
        word = script.split()[-1]
        ending = Ending.exited(1 if word == "fail" else 0)
        return Result(ending, word, "no such thing" if word == "fail" else "", 5 if word == "much" else 0, 0.0)


def echo(word: str, **options: object) -> Fact[str]:
    return Fact((Command.of("echo", word),), str.upper, missing="it is missing", **options)


def two_rounds() -> Dialogue[str]:
    first = yield {"a": echo("x"), "b": echo("y")}
    second = yield {"c": echo(first["a"] + first["b"])}
    return second["c"]


def test_a_later_question_follows_from_earlier_answers() -> None:
    rounds: list[dict] = []
    assert converse(Host(), two_rounds(), rounds.append) == "XY"
    assert rounds == [{"a": "X", "b": "Y"}, {"c": "XY"}]


def test_a_refusal_can_be_told_in_other_words_or_left_as_it_is() -> None:
    def telling() -> Dialogue[None]:
        try:
            yield {"a": echo("fail")}
        except Refused as error:
            raise TargetRefused(f"in other words: {error}") from None

    def silent() -> Dialogue[None]:
        yield {"a": echo("fail")}

    with pytest.raises(TargetRefused, match=r"in other words: it is missing \(host: exit status 1: no such thing\)"):
        converse(Host(), telling())
    with pytest.raises(Refused, match=r"^it is missing"):
        converse(Host(), silent())


def test_an_answer_that_was_cut_is_refused_unless_it_may_be_long() -> None:
    def asking(**options: object) -> Dialogue[str]:
        return (yield {"a": echo("much", **options)})["a"]

    with pytest.raises(Refused, match="more than"):
        converse(Host(), asking())
    assert converse(Host(), asking(long=True)) == "MUCH"


def test_a_fact_may_have_an_answer_for_a_command_that_fails() -> None:
    def asking() -> Dialogue[str]:
        return (yield {"a": echo("fail", otherwise=lambda said: f"otherwise: {said}")})["a"]

    assert converse(Host(), asking()) == "otherwise: no such thing"
