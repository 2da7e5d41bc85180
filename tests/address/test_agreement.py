"""What counts as an address of this host: who has to say so, and how few are asked."""

import threading
from collections import Counter

import pytest

from picdns_core import Addresses, Cancelled
from picdns_core.address import Finding
from picdns_core.testing import Answer, Delay, Echoes, Hold
from tests.address.conftest import NOTHING, OLD, SEEN, SEEN4, SEEN6, Looking


def kinds(finding: Finding) -> list[str]:
    return [verdict.kind for verdict in finding.verdicts]


def test_a_new_address_is_agreed_on_by_two_operators(looking: Looking, echoes: Echoes) -> None:
    """In each family two are asked, over HTTPS, and no more."""
    finding = looking.find()
    assert finding.addresses == SEEN
    assert Counter(echoes.asked) == {"ipv4 https": 2, "ipv6 https": 2}
    assert [len(one.said_by) for one in (finding.ipv4, finding.ipv6)] == [2, 2]
    assert finding.verdicts == ()


def test_one_packet_confirms_what_is_published(looking: Looking, echoes: Echoes) -> None:
    """Nothing has changed: one question over DNS in each family is all that is sent."""
    assert looking.find(SEEN).addresses == SEEN
    assert Counter(echoes.asked) == {"ipv4 dns": 1, "ipv6 dns": 1}


def test_a_change_is_confirmed_by_a_second_operator(looking: Looking, echoes: Echoes) -> None:
    """The first question shows it, and one over HTTPS settles it."""
    assert looking.find(OLD).addresses == SEEN
    assert Counter(echoes.asked) == {"ipv4 dns": 1, "ipv4 https": 1, "ipv6 dns": 1, "ipv6 https": 1}


def test_families_are_looked_at_on_their_own(looking: Looking, echoes: Echoes) -> None:
    """One is new and the other is known."""
    finding = looking.find(Addresses(ipv6=SEEN6))
    assert finding.addresses == SEEN
    assert Counter(echoes.asked) == {"ipv4 https": 2, "ipv6 dns": 1}


def test_a_liar_is_outvoted(looking: Looking, echoes: Echoes) -> None:
    """A third is asked when two disagree; who dissented can be told."""
    echoes["Alpha"].ipv4 = "192.0.2.66"
    findings = [looking.find() for _ in range(12)]
    assert {finding.ipv4.address for finding in findings} == {SEEN4}
    doubts = {doubt for finding in findings for doubt in finding.ipv4.doubts}
    assert doubts == {"Alpha says 192.0.2.66"}
    assert not any(finding.verdicts for finding in findings)


def test_a_liar_changes_nothing_that_is_published(looking: Looking, echoes: Echoes) -> None:
    """Whatever it says, over HTTPS and over DNS."""
    echoes["Alpha"].ipv4 = "192.0.2.66"
    assert {looking.find(SEEN).ipv4.address for _ in range(12)} == {SEEN4}


def test_one_operator_under_two_names_counts_once(looking: Looking, echoes: Echoes) -> None:
    """Two sources of one operator agree, and nobody else confirms it."""
    echoes.see(ipv6=str(SEEN6))
    echoes["Alpha"].ipv4 = echoes["Beta"].ipv4 = str(SEEN4)
    sources = [source | {"operator": "One"} for source in echoes["Alpha"].sources]
    sources += [source | {"operator": "One"} for source in echoes["Beta"].sources]
    finding = looking.find(sources=[*sources, *echoes["Gamma"].sources])
    assert finding.addresses == Addresses(ipv6=SEEN6)
    assert "One says 192.0.2.7" in finding.ipv4.doubts
    assert "Gamma answers with status 503" in finding.ipv4.doubts


def test_dns_alone_changes_nothing(looking: Looking, echoes: Echoes) -> None:
    """One box that answers all that leaves for port 53 could say it."""
    for echo in echoes:
        echo.on("GET", "/", Answer(511))
    finding = looking.find(OLD)
    assert finding.addresses == NOTHING
    assert looking.find(SEEN).addresses == SEEN


def test_when_all_disagree_nothing_is_said(looking: Looking, echoes: Echoes) -> None:
    """And the verdict names what they see."""
    for host, echo in enumerate(echoes, 1):
        echo.ipv4 = f"192.0.2.{host}"
    finding = looking.find()
    assert finding.addresses == Addresses(ipv6=SEEN6)
    assert kinds(finding) == ["disagreement"]
    seen = "192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4"
    assert finding.verdicts[0].text == (
        f"No two operators see the same IPv4 address of this host: {seen}."
    )


def test_what_is_published_stands_while_one_still_sees_it(looking: Looking, echoes: Echoes) -> None:
    """All others disagree with it and with each other."""
    for host, echo in enumerate(echoes, 1):
        echo.ipv4 = f"192.0.2.{host}"
    echoes["Delta"].ipv4 = str(SEEN4)
    assert looking.find(SEEN).ipv4.address == SEEN4


def test_with_all_down_nothing_is_known(looking: Looking, echoes: Echoes) -> None:
    """That is no error; each source is asked once, and each failure is told."""
    echoes.see()
    finding = looking.find(SEEN)
    assert finding.addresses == NOTHING
    assert Counter(echoes.asked) == dict.fromkeys(
        ("ipv4 https", "ipv6 https", "ipv4 dns", "ipv6 dns"), 4
    )
    told = {f"{echo.operator} answers with status 503" for echo in echoes}
    told |= {f"{echo.operator} answers SERVFAIL" for echo in echoes}
    assert set(finding.ipv4.doubts) == set(finding.ipv6.doubts) == told
    assert finding.verdicts == ()


def test_an_operator_that_fails_over_https_is_asked_over_dns(
    looking: Looking, echoes: Echoes
) -> None:
    """Two of four are left, and only one of these can be asked over HTTPS."""
    for operator in ("Gamma", "Delta"):
        echoes[operator].ipv4 = None
    echoes["Beta"].on("GET", "/", Answer(503))
    finding = looking.find()
    assert finding.ipv4.address == SEEN4
    assert finding.ipv4.said_by == ("Alpha", "Beta")


def test_a_silent_source_is_left_after_a_while(looking: Looking, echoes: Echoes) -> None:
    """Others are asked in its place."""
    for operator in ("Alpha", "Beta", "Gamma"):
        echoes[operator].on("GET", "/", Delay(30))
    finding = looking.finder(patience=1.0).find(NOTHING)
    assert finding.addresses == SEEN
    assert "Delta" in finding.ipv4.said_by


def test_a_source_has_one_question_open_at_most(looking: Looking, echoes: Echoes) -> None:
    """Who has not answered the last one is left out, so that threads do not pile up."""
    hold = Hold()
    for echo in echoes:
        echo.on("GET", "/", hold)
    sources = [{"operator": echo.operator, "url": echo.url("ipv4")} for echo in echoes]
    finder = looking.finder(patience=0.2, ipv6="off", sources=sources)
    findings = [finder.find(NOTHING), finder.find(NOTHING)]
    hold.released.set()
    assert [finding.addresses for finding in findings] == [NOTHING, NOTHING]
    assert set(findings[0].ipv4.doubts) == {
        f"{echo.operator} does not answer in time" for echo in echoes
    }
    assert set(findings[1].ipv4.doubts) == {
        f"{echo.operator} has not answered yet" for echo in echoes
    }
    assert len(looking.steps) == len(sources)


def test_an_address_shared_by_the_provider_is_told(looking: Looking, echoes: Echoes) -> None:
    """It is not published, and the verdict says what helps."""
    echoes.see(ipv4="100.64.1.2", ipv6=str(SEEN6))
    finding = looking.find(OLD)
    assert finding.addresses == Addresses(ipv6=SEEN6)
    [verdict] = finding.verdicts
    assert verdict.kind == "shared"
    assert verdict.text == (
        "Your provider shares one address among customers: port forwarding cannot work."
    )
    assert verdict.hint.startswith("Use IPv6 or a tunnel")
    assert "Alpha says 100.64.1.2, which is shared among a provider's customers (RFC 6598)" in (
        finding.ipv4.doubts
    )


def test_each_question_is_told(looking: Looking) -> None:
    """As a step that names whom and what for."""
    looking.find(sources=[*looking.echoes["Alpha"].sources, *looking.echoes["Beta"].sources])
    assert sorted(step.text for step in looking.steps) == [
        "Asking Alpha for the public IPv4 address",
        "Asking Alpha for the public IPv6 address",
        "Asking Beta for the public IPv4 address",
        "Asking Beta for the public IPv6 address",
    ]


def test_a_stop_is_heard_while_waiting(looking: Looking, echoes: Echoes) -> None:
    """Whoever waits gets Cancelled, though no source has answered."""
    hold = Hold()
    for echo in echoes:
        echo.on("GET", "/", hold)
    stopped: list[str] = []

    def run() -> None:
        try:
            looking.finder(patience=60).find(NOTHING)
        except Cancelled as error:
            stopped.append(error.message)

    thread = threading.Thread(target=run)
    thread.start()
    assert hold.arrived.wait(10)
    looking.cancel.set()
    thread.join(10)
    hold.released.set()
    assert stopped == ["Stopped while asking for the public address. What is published stays so."]


@pytest.mark.parametrize("known", [NOTHING, SEEN])
def test_threads_may_share_a_finder(looking: Looking, known: Addresses) -> None:
    """Each finds the same, and none is told that another's question is still open."""
    finder = looking.finder()
    found: list[Finding] = []
    threads = [threading.Thread(target=lambda: found.append(finder.find(known))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [(one.addresses, one.ipv4.doubts) for one in found] == [(SEEN, ())] * 6
