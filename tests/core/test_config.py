"""The config as a cell and its settings: what is taken, what is refused, and how that is said."""

import json
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta, Struct

from picdns_core import (
    ConfigError,
    DomainMode,
    Runner,
    SecretField,
    Service,
    config,
    config_secrets,
)
from picdns_core.settings import LETS_ENCRYPT, Eab, PicdnsSettings

CANARY = "s3cr3t-canary"


class Settings(Struct, frozen=True, kw_only=True):
    """Settings as a provider declares them."""

    zone: Annotated[str, Meta(title="Zone", description="The zone at the service.")]
    region: Annotated[Literal["eu", "us"], Meta(title="Region", description="Where it is.")] = "eu"
    ttl: Annotated[int, Meta(ge=30, le=86400, title="TTL", description="In seconds.")] = 60


LAN = DomainMode(name="lan", title="", description="", public=False, domain_suffix="cell")
PUBLIC = DomainMode(name="http01", title="", description="")
PROVIDER = DomainMode(
    name="example",
    title="",
    description="",
    settings=Settings,
    secrets=(SecretField(name="token", title="Token", description="From the service."),),
)


def raw(**changes: Any) -> dict[str, Any]:
    services = [{"name": "files", "upstream": "127.0.0.1:8080"}]
    return {"cell_name": "home", "domain_mode": "lan", "services": services} | changes


def refused(wrong: Mapping[str, Any], mode: DomainMode = LAN) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        config.parse(wrong, mode)
    return caught.value


def test_a_cell_is_read() -> None:
    """Names come out checked, and services in their order."""
    found = config.parse(
        raw(
            cell_name="Home",
            domain_name="MÜNCHEN.example.",
            services=[
                {"name": "Photos", "upstream": "http://photos:80"},
                {"name": "files", "upstream": "127.0.0.1:1"},
            ],
        ),
        PUBLIC,
    ).cell
    assert (found.name, found.mode, found.domain) == ("home", "http01", "xn--mnchen-3ya.example")
    assert (
        Service(name="photos", upstream="http://photos:80"),
        Service(name="files", upstream="127.0.0.1:1"),
    ) == found.services


@pytest.mark.parametrize("nothing", [{}, {"domain_name": ""}, {"domain_name": None}])
def test_lan_has_a_domain_by_default(nothing: dict[str, Any]) -> None:
    """Without a domain, a mode that has a suffix puts the cell's name before it."""
    assert config.parse(raw(**nothing), LAN).cell.domain == "home.cell"


def test_a_domain_that_is_given_wins_over_the_default() -> None:
    """In lan mode, too, a cell may have a domain of its own."""
    assert config.parse(raw(domain_name="home.example"), LAN).cell.domain == "home.example"


def test_nothing_set_means_the_defaults() -> None:
    """A config without `picdns` and `services` is complete."""
    found = config.parse({"cell_name": "home"}, LAN)
    assert PicdnsSettings() == found.picdns
    assert found.cell.services == ()
    assert found.picdns.acme.directory == LETS_ENCRYPT
    assert None is found.picdns.caddy


def test_foreign_keys_are_tolerated_where_others_write() -> None:
    """The host keeps what it likes at the top, in `ddns` and with its services."""
    found = config.parse(
        raw(
            vpn={"port": 51820},
            ddns={"zone": "example.org", "interval": 300, "duckdns_domain": "home"},
            services=[{"name": "files", "upstream": "a:1", "icon": "folder"}],
            domain_name="home.example",
        ),
        PROVIDER,
    )
    assert Settings(zone="example.org") == found.settings
    assert (Service(name="files", upstream="a:1"),) == found.cell.services


def test_any_mapping_can_be_read() -> None:
    """A host may hand out a read-only view of its config."""
    frozen = MappingProxyType(
        raw(
            picdns=MappingProxyType({"acme": MappingProxyType({"http_port": 81})}),
            ddns=MappingProxyType({"foreign": 1}),
            services=(MappingProxyType({"name": "files", "upstream": "a:1"}),),
        )
    )
    found = config.parse(frozen, LAN)
    assert found.picdns.acme.http_port == 81
    assert (Service(name="files", upstream="a:1"),) == found.cell.services


def picdns(section: str, **settings: Any) -> dict[str, Any]:
    return {"picdns": {section: settings}}


@pytest.mark.parametrize(
    ("change", "key", "said"),
    [
        ({"cell_name": None}, "cell_name", "is missing"),
        ({"cell_name": ""}, "cell_name", "is missing"),
        ({"cell_name": 5}, "cell_name", "expected text, got a whole number"),
        ({"cell_name": "my home"}, "cell_name", "1 to 63 letters, digits and hyphens"),
        ({"cell_name": "a\nb"}, "cell_name", r"'a\nb' is not a DNS label"),
        ({"domain_name": "home"}, "domain_name", "a domain has two or more"),
        ({"domain_name": ["a.b"]}, "domain_name", "expected text, got a list"),
        ({"domain_name": "a.{b}"}, "domain_name", "is not a DNS label"),
        ({"services": None}, "services", "expected a list, got nothing"),
        ({"services": {"files": "a:1"}}, "services", "expected a list, got a JSON object"),
        ({"services": ["files"]}, "services[0]", "expected a JSON object, got text"),
        ({"services": [{}]}, "services[0].name", "is missing"),
        ({"services": [{"name": "a"}]}, "services[0].upstream", "is missing"),
        ({"services": [{"name": "a", "upstream": 1}]}, "services[0].upstream", "expected text"),
        (
            {"services": [{"name": "a", "upstream": "b:1"}, {"name": "c", "upstream": "d"}]},
            "services[1].upstream",
            "give host:port",
        ),
        ({"services": [{"name": "a.b", "upstream": "c:1"}]}, "services[0].name", "a dot"),
        ({"services": [{"name": "a", "upstream": "b:1"}] * 2}, "services[1].name", "there twice"),
        ({"services": [{"name": "home", "upstream": "b:1"}]}, "services[0].name", "own domain"),
        (
            {"domain_name": ".".join(["a" * 62] * 4)},
            "domain_name",
            "too long for the names of files",
        ),
        ({"ddns": None}, "ddns", "expected a JSON object, got nothing"),
        ({"ddns": []}, "ddns", "expected a JSON object, got a list"),
        ({"picdns": None}, "picdns", "expected a JSON object, got nothing"),
        ({"picdns": {"caady": {}}}, "picdns.caady", "is not a setting"),
        ({"picdns": {"acme": None}}, "picdns.acme", "expected a JSON object"),
        (picdns("acme", directory="http://ca"), "picdns.acme.directory", "give it as https://"),
        (picdns("acme", directory=1), "picdns.acme.directory", "expected text"),
        (picdns("acme", ca_bundle=1), "picdns.acme.ca_bundle", "expected text or nothing"),
        (picdns("acme", email="me"), "picdns.acme.email", "give it as you@example.org"),
        (picdns("acme", key_type="dsa"), "picdns.acme.key_type", "one of ec256, ec384, rsa2048"),
        (picdns("acme", profile=[]), "picdns.acme.profile", "expected text or nothing"),
        (picdns("acme", eab={}), "picdns.acme.eab.kid", "is missing"),
        (picdns("acme", eab="x"), "picdns.acme.eab", "expected a JSON object or nothing"),
        (picdns("acme", http_port=0), "picdns.acme.http_port", "whole number from 1 to 65535"),
        (picdns("acme", http_port="80"), "picdns.acme.http_port", "expected a whole number"),
        (picdns("acme", http_port=True), "picdns.acme.http_port", "got true or false"),
        (picdns("acme", http_port=1.5), "picdns.acme.http_port", "got a number"),
        (picdns("caddy", caddyfile=None), "picdns.caddy.caddyfile", "expected text, got nothing"),
        (picdns("caddy", admin="2019"), "picdns.caddy.admin", "is not host:port"),
        (picdns("caddy", admin="a:1 {"), "picdns.caddy.admin", "is not host:port"),
        (picdns("caddy", probe="caddy"), "picdns.caddy.probe", "is not host:port"),
        (picdns("caddy", https_port=70000), "picdns.caddy.https_port", "from 1 to 65535"),
        (picdns("caddy", paths=[]), "picdns.caddy.paths", "expected a JSON object"),
        (picdns("caddy", paths={"/a": 1}), "picdns.caddy.paths[...]", "expected text"),
        (picdns("files", group=[]), "picdns.files.group", "a whole number or text or nothing"),
        (picdns("http", ca_bundle={}), "picdns.http.ca_bundle", "expected text or nothing"),
    ],
)
def test_one_error_names_the_key_what_it_should_be_and_the_mend(
    change: dict[str, Any], key: str, said: str
) -> None:
    """A wrong setting is said by its own name and in the reader's words, with a hint."""
    error = refused(raw(**change))
    assert key == error.key
    assert error.message.startswith(f"{key}: ")
    assert said in error.message
    assert error.hint.endswith((".", "?", "]."))
    assert not any(word in str(error) for word in ("`int`", "`str`", "object at", "$."))


@pytest.mark.parametrize(
    ("ddns", "key", "said", "hint"),
    [
        ({}, "ddns.zone", "is missing", "The zone at the service."),
        ({"zone": 1}, "ddns.zone", "expected text", "The zone at the service."),
        ({"zone": "a", "region": "asia"}, "ddns.region", "one of eu, us", "Where it is."),
        ({"zone": "a", "ttl": 1}, "ddns.ttl", "from 30 to 86400", "In seconds."),
        ({"zone": "a", "regions": "us"}, "ddns.regions", "not a setting", "Did you mean ddns."),
    ],
)
def test_a_providers_settings_are_explained_as_ours(
    ddns: dict[str, Any], key: str, said: str, hint: str
) -> None:
    """What a provider wrote about its settings is what the reader is told."""
    error = refused(raw(ddns=ddns, domain_name="home.example"), PROVIDER)
    assert key == error.key
    assert said in error.message
    assert error.hint.startswith(hint)


@pytest.mark.parametrize("paths", [[], {"/a": 1}, {"/a": "/b", "/c": None}])
def test_what_is_inside_a_setting_is_explained_by_its_description(paths: Any) -> None:
    """However deep the mistake is, the setting that it is in says what it takes."""
    error = refused(raw(**picdns("caddy", paths=paths)))
    assert error.hint.startswith("Directories as we see them")


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"acme": {"emial": "a@b"}}, "Did you mean email?"),
        ({"acme": {"eab": {"kid": "a", "hmac": CANARY}}}, "Did you mean hmac_key?"),
        ({"cady": {}}, "Did you mean caddy?"),
        (
            {"zzz": {}},
            "Known are: acme, address, caddy, coredns, dns, files, http, metrics, notify.",
        ),
    ],
)
def test_a_misspelt_key_gets_the_one_that_was_meant(settings: Any, hint: str) -> None:
    """Below `picdns` everything is ours, so a key that is not known is a typing error."""
    assert refused(raw(picdns=settings)).hint.startswith(hint.removesuffix("."))


def test_a_public_mode_needs_a_domain() -> None:
    """Where the mode gives no name, the config must."""
    assert refused(raw(), PUBLIC).key == "domain_name"


def test_a_public_mode_refuses_a_domain_that_exists_only_inside() -> None:
    """No CA is asked for a name that it cannot see."""
    error = refused(raw(domain_name="home.cell"), PUBLIC)
    assert error.key == "domain_name"
    assert "lan mode" in error.hint


def read_all(whole: dict[str, Any]) -> None:
    config_secrets.secrets_in(whole, PROVIDER)
    config_secrets.own_secrets_in(whole)
    config.parse(whole, PROVIDER)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ddns": {"token": [CANARY]}},
        {"ddns": {"token": {"value": CANARY}}},
        {"ddns": [CANARY]},
        {"ddns": CANARY},
        {"picdns": {"acme": {"eab": {"kid": "a", "hmac_key": [CANARY]}}}},
        {"picdns": {"acme": {"eab": {"hmac_key": CANARY}}}},
        {"picdns": {"acme": {"eab": CANARY}}},
        {"picdns": {"notify": {"urls": [CANARY]}}},
        {"picdns": {"acme": {"eab": {"kid": "a", "hmac": CANARY}}}},
        {"cell_name": {"token": CANARY}},
    ],
)
def test_a_secret_in_a_wrong_place_is_not_repeated(wrong: dict[str, Any]) -> None:
    """No message, and no traceback, repeats a value that may be a secret."""
    with pytest.raises(ConfigError) as caught:
        read_all(raw(domain_name="home.example", **wrong))
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_secrets_in_the_config_are_found() -> None:
    """Only what the mode declares is a secret; what is empty was not given."""
    found = {"token": CANARY, "interval": 300, "password": "the host's own"}
    assert config_secrets.secrets_in(raw(ddns=found), PROVIDER) == {"token": CANARY}
    assert config_secrets.secrets_in(raw(ddns={"token": ""}), PROVIDER) == {}
    assert config_secrets.secrets_in(raw(), PROVIDER) == {}
    assert config_secrets.secrets_in(raw(ddns=found), LAN) == {}


def test_our_own_secrets_in_the_config_are_found() -> None:
    """By their keys; what is empty was not given."""
    eab = {"kid": "a", "hmac_key": CANARY}
    ours = {"acme": {"eab": eab}, "notify": {"urls": "json://one\njson://two"}}
    assert config_secrets.own_secrets_in(raw(picdns=ours)) == {
        "picdns.acme.eab.hmac_key": CANARY,
        "picdns.notify.urls": "json://one\njson://two",
    }
    assert config_secrets.own_secrets_in(raw()) == {}
    assert config_secrets.own_secrets_in(raw(picdns={"acme": {"eab": None}, "notify": {}})) == {}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {}),
        ({"ddns": {"token": CANARY, "a": 1}}, {"ddns": {"a": 1}}),
        ({"picdns": {}}, {"picdns": {}}),
        ({"picdns": {"acme": {"eab": None}}}, {"picdns": {"acme": {"eab": None}}}),
        (
            {"picdns": {"acme": {"eab": {"kid": "a", "hmac_key": CANARY}}}},
            {"picdns": {"acme": {"eab": {"kid": "a"}}}},
        ),
        ({"picdns": {"notify": {"urls": CANARY}}}, {"picdns": {"notify": {}}}),
        ({"picdns": {"notify": None}}, {"picdns": {"notify": None}}),
    ],
)
def test_secrets_are_taken_out_of_the_config(before: Any, after: Any) -> None:
    """Nothing but the secrets goes, wherever they stand."""
    whole = raw(**before)
    config_secrets.without_secrets(whole, ["token"])
    assert raw(**after) == whole


def test_up_moves_secrets_out_of_the_config(tmp_path: Path) -> None:
    """A secret that a person wrote into the config ends in a file that only we can read."""
    file = tmp_path / "config/api/cell_config.json"
    file.parent.mkdir(parents=True)
    eab = {"kid": "a", "hmac_key": CANARY}
    file.write_text(json.dumps(raw(picdns={"acme": {"eab": eab}})))
    Runner(tmp_path).up()
    assert json.loads(file.read_text())["picdns"]["acme"] == {"eab": {"kid": "a"}}
    kept = tmp_path / "data/api/picdns/secrets/acme/eab_hmac_key"
    assert kept.read_text() == CANARY
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ('{"cell_name": "home",}', "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "is not a JSON object"),
        ("null", "is not a JSON object"),
        ('{"cell_name": "\\xff"}', "is not JSON"),
    ],
)
def test_wrong_json_is_one_error_that_names_the_file(tmp_path: Path, text: str, said: str) -> None:
    """A config that cannot be read stops everything, is said, and is not touched."""
    file = tmp_path / "config/api/cell_config.json"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    with pytest.raises(ConfigError, match=said) as caught:
        Runner(tmp_path).up()
    assert str(file) in caught.value.message
    assert caught.value.hint
    assert text == file.read_text()
    assert [file] == [path for path in tmp_path.rglob("*") if path.is_file()]


def test_an_unknown_mode_names_those_that_are_installed(tmp_path: Path) -> None:
    """The reader sees what could have been meant, and how to get more."""
    file = tmp_path / "config/api/cell_config.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(raw(domain_mode="lann")))
    with pytest.raises(ConfigError, match=r"'lann' is not installed.*http01, lan") as caught:
        Runner(tmp_path).up()
    assert caught.value.key == "domain_mode"
    assert "pip install" in caught.value.hint


@pytest.mark.parametrize("mode", [None, "", 5, ["lan"], {"name": CANARY}])
def test_a_mode_that_is_no_name_is_said(mode: Any) -> None:
    """The mode is read before anything else, and as carefully."""
    with pytest.raises(ConfigError) as caught:
        config.mode_name(raw(domain_mode=mode))
    assert caught.value.key == "domain_mode"
    assert "picdns modes" in caught.value.hint
    assert CANARY not in str(caught.value)


def settings_in(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, definition in schema["$defs"].items():
        for field, entry in definition["properties"].items():
            yield f"{name}.{field}", entry


def test_a_form_can_be_drawn_from_the_schema() -> None:
    """Every setting, however deep, has a title and a description in its JSON schema."""
    schema = msgspec.json.schema(PicdnsSettings)
    entries = dict(settings_in(schema))
    assert {"PicdnsSettings.acme", "AcmeSettings.directory", "Eab.hmac_key"} <= entries.keys()
    assert [key for key, entry in entries.items() if not entry.get("title")] == []
    assert [key for key, entry in entries.items() if not entry.get("description")] == []


def test_every_settings_class_refuses_unknown_keys() -> None:
    """Below `picdns` nothing is silently ignored."""
    schema = msgspec.json.schema(PicdnsSettings)
    assert [
        name
        for name, one in schema["$defs"].items()
        if one.get("additionalProperties") is not False
    ] == []


def test_settings_are_frozen() -> None:
    """What was read is shared between threads, so nobody changes it."""
    with pytest.raises(AttributeError):
        setattr(Eab(kid="a"), "kid", "b")  # noqa: B010


DDNS = DomainMode(name="duckdns", title="", description="", domain_suffix="duckdns.org")


def test_a_subdomain_takes_the_place_of_the_cells_name() -> None:
    """Where a service gives names below its own domain; a domain_name wins over both."""
    domains = [
        config.parse(raw(**changes), DDNS).cell.domain
        for changes in (
            {},
            {"ddns": {"subdomain": "Attic"}},
            {"ddns": {"subdomain": "attic"}, "domain_name": "roof.duckdns.org"},
        )
    ]
    assert domains == ["home.duckdns.org", "attic.duckdns.org", "roof.duckdns.org"]
    assert config.parse(raw(ddns={"subdomain": "attic"}), LAN).cell.domain == "home.cell"


@pytest.mark.parametrize("wrong", ["two.labels", "-x", 7])
def test_a_subdomain_is_one_label(wrong: object) -> None:
    """Else the key is named."""
    assert refused(raw(ddns={"subdomain": wrong}), DDNS).key == "ddns.subdomain"


def test_a_name_that_the_service_cannot_give_is_refused() -> None:
    """As one that was right in the mode before; lan's suffix is but a proposal."""
    error = refused(raw(domain_name="home.example.org"), DDNS)
    assert error.message == (
        "domain_name: home.example.org is not below duckdns.org, where duckdns gives names."
    )
    assert "home.duckdns.org" in error.hint
    assert config.parse(raw(domain_name="home.example.org"), LAN).cell.domain == "home.example.org"


def test_a_root_server_is_given_by_its_address() -> None:
    """A name would have to be looked up first."""
    wrong = {"dns": {"roots": ["198.41.0.4", "a.root-servers.net"]}}
    assert refused(raw(picdns=wrong)).key == "picdns.dns.roots[1]"
