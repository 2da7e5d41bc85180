"""Names: what is let through, in which form, and what never reaches a file or a path."""

from collections.abc import Callable

import pytest

from picdns_core import names

LONGEST = ".".join(["a" * 61] * 4) + ".abcde"
INJECTIONS = [
    "a\nb",
    "a\r\nb",
    "a\n",
    "\na",
    "a\x00",
    "a\x7f",
    "a\x85b",
    "a\u2028b",
    "a b",
    "a\tb",
    " a",
    "a ",
    "{",
    "}",
    "{$HOME}",
    "{env.HOME}",
    '"a"',
    "'a'",
    "`a`",
    "a\\b",
    "a#b",
    "a;b",
    "a,b",
    "a&b",
    "a|b",
    "<a>",
    "$a",
    "%61",
    "*",
    "@",
    "../a",
    "a/b",
    "/a",
    "~",
    "a:b",
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("files", "files"),
        ("Files", "files"),
        ("a", "a"),
        ("1", "1"),
        ("a-b", "a-b"),
        ("a" * 63, "a" * 63),
        ("münchen", "xn--mnchen-3ya"),
        ("MÜNCHEN", "xn--mnchen-3ya"),
        ("mu\u0308nchen", "xn--mnchen-3ya"),
        ("straße", "xn--strae-oqa"),
        ("日本語", "xn--wgv71a119e"),
        ("\uff21\uff22\uff23", "abc"),
        ("xn--mnchen-3ya", "xn--mnchen-3ya"),
        ("XN--MNCHEN-3YA", "xn--mnchen-3ya"),
    ],
)
def test_label_is_lower_case_and_ascii(text: str, expected: str) -> None:
    """A label comes out as the lower-case A-label that DNS carries."""
    assert expected == names.label(text)


@pytest.mark.parametrize(
    "text",
    [
        *INJECTIONS,
        "",
        ".",
        "..",
        "a.b",
        "a。b",
        "-",
        "-a",
        "a-",
        "a_b",
        "a" * 64,
        "ä" * 63,
        "☃",
        "\u200d",
        "\ud800",
        "\u0660",
        "xn--",
        "xn--a",
        "xn--zzzzzzzzz",
        "ab--cd",
    ],
)
def test_label_refuses_what_is_none(text: str) -> None:
    """Whatever is no label of DNS is refused, and the message shows it."""
    with pytest.raises(ValueError, match=r"label|name") as caught:
        names.label(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("home.example", "home.example"),
        ("Home.Example.", "home.example"),
        ("1.example", "1.example"),
        ("a.b.c.d.e.f", "a.b.c.d.e.f"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("日本語。jp", "xn--wgv71a119e.jp"),
        (LONGEST, LONGEST),
    ],
)
def test_domain_is_lower_case_and_ascii(text: str, expected: str) -> None:
    """A domain comes out in A-labels, without the dot of the root."""
    assert expected == names.domain(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "single label"),
        ("home", "single label"),
        ("..", "dot too many"),
        ("a..b", "dot too many"),
        (".a.b", "dot too many"),
        ("a.b..", "dot too many"),
        ("a.b。", "dot too many"),
        ("1.2.3.4", "IP address"),
        ("0x7f.1", "IP address"),
        ("*.home.example", "DNS label"),
        ("_acme-challenge.home.example", "DNS label"),
        (f"{LONGEST}a", "longer than 253"),
        ("ä" * 63 + ".example", "international name"),
        ("xn--a.example", "A-label"),
    ],
)
def test_domain_refuses_what_is_none(text: str, reason: str) -> None:
    """Whatever is no domain is refused, and the message says why."""
    with pytest.raises(ValueError, match=reason):
        names.domain(text)


@pytest.mark.parametrize("injection", INJECTIONS)
@pytest.mark.parametrize("place", ["{}.home.example", "home.{}.example", "home.{}"])
def test_domain_lets_nothing_odd_through(injection: str, place: str) -> None:
    """No label of a domain carries what could break out of a file or a path."""
    with pytest.raises(ValueError):
        names.domain(place.replace("{}", injection))


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1:8080",
        "localhost:80",
        "nextcloud:80",
        "my_app-1:80",
        "files.internal:65535",
        "[::1]:8080",
        "http://127.0.0.1:8080",
        "https://[fd00::1]:8443",
        "http://nextcloud",
        "https://nextcloud",
    ],
)
def test_upstream_is_kept_as_it_is(text: str) -> None:
    """What Caddy can forward to is not changed."""
    assert text == names.upstream(text)


@pytest.mark.parametrize(
    "text",
    [
        *(f"{text}:80" for text in INJECTIONS),
        *(f"http://{text}" for text in INJECTIONS if text != "a:b"),
        "",
        "a",
        "a:",
        "a:0",
        "a:65536",
        "a:999999",
        "a:+1",
        "a:1_0",
        "a:٣",
        "a:²",
        "a:1:2",
        "a:80\n",
        "a:80 {",
        "ä:80",
        "a..b:80",
        ".a:80",
        "a.:80",
        "-a:80",
        "a" * 64 + ":80",
        ".".join(["a" * 60] * 5) + ":80",
        "1.2.3:80",
        "999.1.1.1:80",
        "::1:80",
        "[::1:80",
        "::1]:80",
        "[a]:80",
        "[127.0.0.1]:80",
        "[v1.a]:80",
        "[fe80::1%eth0]:80",
        "http://",
        "http://a:",
        "http://a:0",
        "http://a:65536",
        "http://a/path",
        "http://a?query",
        "http://user:password@a",
        "HTTP://a",
        "ftp://a:80",
        "h2c://a:80",
        "://a:80",
        "//a:80",
        "http://http://a:80",
        "unix//run/app.sock",
    ],
)
def test_upstream_refuses_what_caddy_could_misread(text: str) -> None:
    """Whatever is no upstream is refused, and the message shows one that is."""
    with pytest.raises(ValueError, match=r"as 127\.0\.0\.1:8080"):
        names.upstream(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("localhost:2019", ("localhost", 2019)),
        ("127.0.0.1:1", ("127.0.0.1", 1)),
        ("[::1]:65535", ("::1", 65535)),
        ("caddy:2019", ("caddy", 2019)),
    ],
)
def test_host_port_is_split(text: str, expected: tuple[str, int]) -> None:
    """An endpoint is a host, bare, and a port."""
    assert expected == names.host_port(text)


@pytest.mark.parametrize(
    "text",
    [
        *(f"{text}:80" for text in INJECTIONS),
        "",
        "localhost",
        "localhost:",
        ":2019",
        "localhost:0",
        "localhost:65536",
        "localhost:" + "9" * 5000,
        "localhost:²",
        "localhost:٣",
        "localhost:80\n",
        "http://localhost:2019",
        "::1:2019",
        "[::1:2019",
        "1.2.3:80",
    ],
)
def test_host_port_refuses_what_is_none(text: str) -> None:
    """Whatever is no endpoint is refused, and the message shows one that is."""
    with pytest.raises(ValueError, match=r"as localhost:2019"):
        names.host_port(text)


@pytest.mark.parametrize("check", [names.label, names.domain, names.upstream, names.host_port])
def test_huge_input_is_refused_at_once(check: Callable[[str], object]) -> None:
    """A megabyte in the place of a name does not keep anybody busy."""
    with pytest.raises(ValueError):
        check("א" * 1_000_000)
