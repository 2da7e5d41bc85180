"""The list of sources: the built-in one, and one of the user's."""

import msgspec
import pytest

from picdns_core import ConfigError
from picdns_core.address.sources import of_family
from picdns_core.settings import AddressSettings

ECHO = {"operator": "A", "url": "https://ip.example/"}
DNS = {"operator": "B", "url": "dns://192.0.2.1/myip.example?type=A"}


def settings(*sources: dict[str, str]) -> AddressSettings:
    return msgspec.convert({"sources": sources}, AddressSettings)


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_the_built_in_list_has_many_operators(family: str) -> None:
    """Six sources of four operators at least, of which three prove who they are."""
    sources = of_family(AddressSettings(), "ipv4" if family == "ipv4" else "ipv6")
    assert len(sources) >= 6
    assert len({source.operator for source in sources}) >= 4
    assert len({source.operator for source in sources if source.proven}) >= 3
    assert {source.family for source in sources} == {family}


def test_a_source_is_of_the_family_of_its_address() -> None:
    """A name may be of both."""
    at_address = {"operator": "C", "url": "https://[2001:db8::1]/"}
    only = {"operator": "D", "url": "https://six.example/", "family": "ipv6"}
    listed = settings(ECHO, DNS, at_address, only)
    assert [source.operator for source in of_family(listed, "ipv4")] == ["A", "B"]
    assert [source.operator for source in of_family(listed, "ipv6")] == ["A", "C", "D"]


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https:///ip", "names no server"),
        ("https://ip.example:99999/", "names no server"),
        ("dns://ns1.example/whoami.example", "does not name the server by its IP address"),
        ("dns://192.0.2.1", "asks for neither A, AAAA nor TXT"),
        ("dns://192.0.2.1/whoami.example?type=MX", "asks for neither A, AAAA nor TXT"),
        ("dns://192.0.2.1/whoami.example?class=HS", "asks for another class"),
    ],
)
def test_a_url_that_cannot_be_asked_is_told(url: str, problem: str) -> None:
    """With the key and the form that it has to have."""
    with pytest.raises(ConfigError, match=problem) as caught:
        of_family(settings(ECHO, DNS, {"operator": "C", "url": url}), "ipv4")
    assert caught.value.key == "picdns.address.sources"
    assert "dns://208.67.222.222/" in caught.value.hint


def test_a_family_against_the_address_is_told() -> None:
    """It would never be asked."""
    with pytest.raises(ConfigError, match="other family than ipv6"):
        of_family(settings(ECHO, DNS | {"family": "ipv6"}), "ipv4")


@pytest.mark.parametrize(
    "sources",
    [(ECHO,), (ECHO, ECHO), (DNS, DNS | {"operator": "C"}), (ECHO, DNS | {"operator": "A"})],
    ids=["one", "twice", "dns only", "one operator"],
)
def test_sources_that_can_never_agree_are_told(sources: tuple[dict[str, str], ...]) -> None:
    """At once, instead of never finding anything."""
    with pytest.raises(ConfigError, match="has not two operators") as caught:
        of_family(settings(*sources), "ipv4")
    assert "picdns.address.ipv4 to off" in caught.value.hint
