"""Dialogues: each round is answered, and a refusal reaches the one who asked."""

import pytest

from rollback_lib.commands.command import Command
from rollback_lib.errors import Refused, TargetRefused
from rollback_lib.facts import secret_values
from rollback_lib.facts.ask import ask, converse
from rollback_lib.facts.fact import KEY, Dialogue, Fact
from rollback_lib.facts.together import together
from rollback_lib.host.connection import Result
from rollback_lib.host.ending import Ending
from rollback_lib.secrets.redactor import HIDDEN, Redactor
from rollback_lib.secrets.secret import Key, Secret


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
    assert converse(Host(), two_rounds(), Redactor(), Key(), rounds.append) == "XY"
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
        converse(Host(), telling(), Redactor(), Key())
    with pytest.raises(Refused, match=r"^it is missing"):
        converse(Host(), silent(), Redactor(), Key())


def test_an_answer_that_was_cut_is_refused_unless_it_may_be_long() -> None:
    def asking(**options: object) -> Dialogue[str]:
        return (yield {"a": echo("much", **options)})["a"]

    with pytest.raises(Refused, match="more than"):
        converse(Host(), asking(), Redactor(), Key())
    assert converse(Host(), asking(long=True), Redactor(), Key()) == "MUCH"


def test_a_fact_may_have_an_answer_for_a_command_that_fails() -> None:
    def asking() -> Dialogue[str]:
        return (yield {"a": echo("fail", otherwise=lambda said: f"otherwise: {said}")})["a"]

    assert converse(Host(), asking(), Redactor(), Key()) == "otherwise: no such thing"


def test_the_key_of_hashes_is_the_runs_own_and_no_host_is_asked_for_it() -> None:
    def asking() -> Dialogue[Key]:
        return (yield {"a": echo("x"), "key": KEY})["key"]

    key = Key()
    rounds: list[dict] = []
    assert converse(Host(), asking(), Redactor(), key, rounds.append) is key
    assert rounds == [{"a": "X"}]
    assert converse(Host(), together({"one": asking(), "other": asking()}), Redactor(), key) == {"one": key, "other": key}


@pytest.mark.parametrize("beside_others", [False, True])
def test_what_an_answer_hides_is_known_before_anybody_sees_an_answer(beside_others: bool) -> None:
    """Also to what programs said, and where it is another one of the same round that fails."""

    def asking(last: str) -> Dialogue[str]:
        log = echo("TOKEN-1", spoken=lambda said, hide: hide(f"it says {said}"))
        found = yield {"log": log, "last": echo(last), "secret": echo("token-1", hides=lambda found: [found])}
        return found["log"]

    redactor = Redactor()
    rounds: list[object] = []
    asked = together({"one": asking("x")}) if beside_others else asking("x")
    said = converse(Host(), asked, redactor, Key(), lambda answers: rounds.append(redactor.clean_all(answers)))
    assert said == ({"one": f"it says {HIDDEN}"} if beside_others else f"it says {HIDDEN}")
    assert len(rounds) == 1
    assert "TOKEN-1" not in str(rounds)
    redactor = Redactor()
    with pytest.raises(Refused):
        converse(Host(), asking("fail"), redactor, Key())
    assert redactor.clean("TOKEN-1") == HIDDEN


def test_what_needs_no_command_is_asked_of_no_host() -> None:
    class Nobody:
        alias = "nobody"

    redactor = Redactor()
    assert ask(Nobody(), {"value": secret_values.given(Secret("hunter22"))}, redactor, Key()) == {"value": Secret("hunter22")}
    assert redactor.clean("hunter22") == HIDDEN


def test_what_docker_stumbled_over_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer of the command itself is one, and is not asked for again; Docker's own failure to start it tells nothing."""
    monkeypatch.setattr("rollback_lib.facts.ask.AGAIN", (0.0, 0.0))
    stumbled = "OCI runtime exec failed: exec failed: unable to start container process: read init-p: connection reset by peer: unknown"
    said = {
        "exec": [Result(Ending.exited(126), "", stumbled, 0, 0.0), Result(Ending.exited(0), "17", "", 0, 0.0)],
        "psql": [Result(Ending.exited(1), "", "no such table", 0, 0.0)],
    }
    asked: list[str] = []

    class Link:
        alias = "contabo"

        def run(self, script: str, **_: object) -> Result:
            word = script.split()[-1]
            asked.append(word)
            return said[word].pop(0)

    facts = {word: Fact((Command.of(word),), str, otherwise=lambda _: "no answer") for word in said}
    assert ask(Link(), facts, Redactor(), Key()) == {"exec": "17", "psql": "no answer"}
    assert sorted(asked) == ["exec", "exec", "psql"]
