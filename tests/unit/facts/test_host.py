"""Asking a host: the first `result()` sends all questions asked so far, in one round trip, and an error is raised where `result()` is
called."""

import threading

import pytest

from rollback_lib.commands.command import Command
from rollback_lib.errors import LinkLost, Refused, TargetRefused
from rollback_lib.facts import secret_values
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.host import Answer, Host, Unanswered, result_of
from rollback_lib.facts.live import LiveHost
from rollback_lib.host.connection import Result
from rollback_lib.host.ending import Ending
from rollback_lib.secrets.redactor import HIDDEN, Redactor
from rollback_lib.secrets.secret import Key, Secret
from tests.builders.recorded import OneByOne


class Link(OneByOne):
    """A link that answers a script with the word it echoes. The word `fail` makes the script fail, `much` makes it print too much, and
    `lost` breaks the link."""

    alias = "host"

    def __init__(self) -> None:
        self.rounds: list[list[str]] = []

    def run_all(self, scripts):
        self.rounds.append([one.text.split()[-1] for one in scripts])
        return super().run_all(scripts)

    def run(self, script: str, **_: object) -> Result:
        word = script.split()[-1]
        if word == "lost":
            raise LinkLost("the connection is lost")
        ending = Ending.exited(1 if word == "fail" else 0)
        return Result(ending, word, "no such thing" if word == "fail" else "", 5 if word == "much" else 0, 0.0)


def echo(word: str, **options: object) -> Fact[str]:
    return Fact((Command.of("echo", word),), str.upper, missing="it is missing", **options)


def live(link: Link | None = None, redactor: Redactor | None = None, **options: object) -> LiveHost:
    return LiveHost(link or Link(), redactor or Redactor(), Key(), **options)


def two_rounds(host: Host, first: str, second: str) -> str:
    one, other = host.ask(echo(first)), host.ask(echo(second))
    return host.ask(echo(one.result() + other.result())).result()


def test_all_that_was_asked_goes_in_one_round_and_what_follows_in_another() -> None:
    link, heard = Link(), []
    host = live(link, on_answers=lambda answers: heard.append([(fact.asked, found) for fact, found in answers]))
    assert two_rounds(host, "x", "y") == "XY"
    assert link.rounds == [["x", "y"], ["XY"]]
    assert heard == [[("echo x", "X"), ("echo y", "Y")], [("echo XY", "XY")]]


def test_a_question_that_is_asked_twice_is_sent_once() -> None:
    link = Link()
    host = live(link)
    answers = [host.ask(echo("x")), host.ask(echo("x")), host.ask(Fact((Command.of("echo", "x"),), str.title))]
    assert [one.result() for one in answers] == ["X", "X", "X"]
    assert link.rounds == [["x"]]


def test_a_single_look_sends_no_question_that_was_answered_before() -> None:
    link = Link()
    host = live(link, once=True)
    assert two_rounds(host, "x", "y") == "XY"
    assert two_rounds(host, "y", "x") == "YX"
    assert link.rounds == [["x", "y"], ["XY"], ["YX"]]
    for _ in range(2):  # a failure may be over by now
        with pytest.raises(Refused):
            host.ask(echo("fail")).result()
    assert link.rounds[3:] == [["fail"], ["fail"]]


def test_a_refusal_is_raised_to_whoever_looks_and_can_be_told_in_other_words() -> None:
    host = live()
    missing, there = host.ask(echo("fail")), host.ask(echo("x"))
    assert there.result() == "X"
    with pytest.raises(Refused, match=r"^it is missing \(host: exit status 1: no such thing\)"):
        missing.result()

    def telling(host: Host) -> str:
        try:
            return host.ask(echo("fail")).result()
        except Refused as error:
            raise TargetRefused(f"in other words: {error}") from None

    with pytest.raises(TargetRefused, match="in other words: it is missing"):
        telling(live())


def test_an_answer_that_was_cut_is_refused_unless_it_may_be_long() -> None:
    with pytest.raises(Refused, match="more than"):
        live().ask(echo("much")).result()
    assert live().ask(echo("much", long=True)).result() == "MUCH"


def test_a_fact_may_have_an_answer_for_a_command_that_fails() -> None:
    assert live().ask(echo("fail", otherwise=lambda said: f"otherwise: {said}")).result() == "otherwise: no such thing"


def test_what_needs_no_command_is_asked_of_no_host() -> None:
    link, redactor = Link(), Redactor()
    assert live(link, redactor).ask(secret_values.given(Secret("hunter22"))).result() == Secret("hunter22")
    assert redactor.clean("hunter22") == HIDDEN
    assert link.rounds == []
    assert (Answer.known("x").result(), result_of(None)) == ("x", None)


def careful(host: Host, word: str) -> str:
    try:
        host.ask(echo(word)).result()
    except Refused as error:
        return f"knows better: {error}"
    return "fine"


def test_parts_ask_together_and_one_that_is_refused_keeps_no_other_from_its_end() -> None:
    link = Link()
    host = live(link)
    parts = [host.beside(two_rounds, "x", "y"), host.beside(two_rounds, "fail", "z"), host.beside(careful, "fail")]
    mine = host.ask(echo("mine"))
    assert parts[0].result() == "XY"
    assert parts[1].result() == Unanswered("it is missing (host: exit status 1: no such thing)")
    assert parts[2].result() == "knows better: it is missing (host: exit status 1: no such thing)"
    assert mine.result() == "MINE"
    assert [sorted(one) for one in link.rounds] == [["fail", "mine", "x", "y", "z"], ["XY"]]


def test_parts_of_parts_ask_together_too() -> None:
    def outer(host: Host, *words: str) -> list[str | Unanswered]:
        return [one.result() for one in [host.beside(two_rounds, word, word) for word in words]]

    link = Link()
    host = live(link)
    parts = host.beside(outer, "a", "b"), host.beside(outer, "c"), host.beside(careful, "x")
    assert [one.result() for one in parts] == [["AA", "BB"], ["CC"], "fine"]
    assert [sorted(one) for one in link.rounds] == [["a", "b", "c", "x"], ["AA", "BB", "CC"]]


def test_a_link_that_breaks_and_an_error_in_a_part_reach_whoever_looks() -> None:
    def wrong(_: Host) -> str:
        raise KeyError("a mistake of ours")

    host = live()
    lost, mistaken = host.beside(careful, "lost"), host.beside(wrong)
    with pytest.raises(LinkLost):
        lost.result()
    with pytest.raises(KeyError):
        mistaken.result()
    host = live()
    both = host.ask(echo("lost")), host.ask(echo("x"))
    for one in both:
        with pytest.raises(LinkLost):
            one.result()
    assert all(not one.name.startswith("Thread-") or not one.is_alive() for one in threading.enumerate() if one.daemon is False)


@pytest.mark.parametrize("beside_others", [False, True])
def test_what_an_answer_hides_is_known_before_anybody_sees_an_answer(beside_others: bool) -> None:
    """Also to what programs said, and where it is another one of the same round that fails."""

    def asking(host: Host, last: str) -> str:
        log = host.ask(echo("TOKEN-1", spoken=lambda said, hide: hide(f"it says {said}")))
        other, _ = host.ask(echo(last)), host.ask(echo("token-1", hides=lambda found: [found]))
        other.result()
        return log.result()

    redactor, rounds = Redactor(), []
    host = live(redactor=redactor, on_answers=lambda answers: rounds.append(redactor.clean_all([found for _, found in answers])))
    assert (host.beside(asking, "x").result() if beside_others else asking(host, "x")) == f"it says {HIDDEN}"
    assert len(rounds) == 1
    assert "TOKEN-1" not in str(rounds)
    redactor = Redactor()
    with pytest.raises(Refused):
        asking(live(redactor=redactor), "fail")
    assert redactor.clean("TOKEN-1") == HIDDEN


def test_what_docker_stumbled_over_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer of the command itself is one, and is not asked for again; Docker's own failure to start it tells nothing."""
    monkeypatch.setattr("rollback_lib.facts.live.PAUSES", (0.0, 0.0))
    stumbled = "OCI runtime exec failed: exec failed: unable to start container process: read init-p: connection reset by peer: unknown"
    said = {
        "exec": [Result(Ending.exited(126), "", stumbled, 0, 0.0), Result(Ending.exited(0), "17", "", 0, 0.0)],
        "psql": [Result(Ending.exited(1), "", "no such table", 0, 0.0)],
    }
    asked: list[str] = []

    class Stumbling(OneByOne):
        alias = "contabo"

        def run(self, script: str, **_: object) -> Result:
            word = script.split()[-1]
            asked.append(word)
            return said[word].pop(0)

    host = live(Stumbling())
    answers = [host.ask(Fact((Command.of(word),), str, otherwise=lambda _: "no answer")) for word in said]
    assert [one.result() for one in answers] == ["17", "no answer"]
    assert sorted(asked) == ["exec", "exec", "psql"]
