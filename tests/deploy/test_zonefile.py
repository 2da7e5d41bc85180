"""Zone files: what stands in them, and serials that only grow."""

import dns.zone
import pytest

from picdns_core.deploy import zonefile

NOW = 1_700_000_000


def test_zone_is_read_as_it_is_meant() -> None:
    """By dnspython; the same bytes in whatever order the names come."""
    addresses = ["10.8.0.1", "fd00:8::1"]
    text = zonefile.render("cell", ["photos", "files"], addresses, 7)
    assert text == zonefile.render("cell", ["files", "photos", "files"], addresses, 7)
    zonefile.check("cell", text)
    zone = dns.zone.from_text(text, "cell.")
    assert sorted(str(name) for name in zone.nodes) == ["@", "files", "photos"]
    assert str(zone.get_rdataset("files", "AAAA")) == "60 IN AAAA fd00:8::1"
    assert zonefile.serial_of(text) == 7
    assert text.startswith(zonefile.MARK)


def test_another_serial_is_all_that_changes() -> None:
    """As if it had been rendered with it."""
    first, second = (zonefile.render("cell", ["a"], ["10.8.0.1"], one) for one in (7, 8))
    assert zonefile.with_serial(first, 8) == second


def test_names_of_63_characters_and_a_labels_are_fine() -> None:
    """They come checked: `names.label` has been there before."""
    names = ["a" * 63, "xn--mnchen-3ya", "ns", "localhost"]
    zonefile.check("home.test", zonefile.render("home.test", names, ["10.8.0.1"], 1))


def test_broken_zone_is_told() -> None:
    """Before CoreDNS sees it."""
    with pytest.raises(ValueError, match="the zone cell cannot be read"):
        zonefile.check("cell", "@ A nonsense\n")


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ((), NOW),
        ((None, NOW - 5), NOW),
        ((NOW,), NOW + 1),
        ((NOW + 50, None, NOW), NOW + 51),
        ((2**32 - 1,), NOW),  # as name servers count, the time comes after it
        ((2**32 - 1, NOW + 9), NOW + 10),
        ((NOW - 5, 3_000_000_000), 3_000_000_001),  # from a clock far ahead
    ],
)
def test_serial_comes_after_all_that_are_known(
    known: tuple[int | None, ...], expected: int
) -> None:
    """By the arithmetic of RFC 1982; with the clock where it can be."""
    found = zonefile.next_serial(NOW, *known)
    assert found == expected
    if served := next((one for one in reversed(known) if one is not None), None):
        assert zonefile.is_newer(found, served)


def test_serial_is_never_zero() -> None:
    """Some name servers take it for none."""
    assert zonefile.next_serial(2**32 - 1, 2**32 - 1) == 1
