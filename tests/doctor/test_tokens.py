"""Credentials that are not good, at services that say so in their own words."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from picdns_core.testing.services.cloudflare import Cloudflare
from tests.conftest import Cell, MakeCell
from tests.doctor.conftest import Found

HERE = {"ipv4": "127.0.0.1", "ipv6": "off", "also_global": ["127.0.0.0/8"]}


@pytest.mark.parametrize("mode", ["cloudflare", "duckdns", "pic_ngo"])
def test_a_good_token(make_cell: MakeCell, mode: str) -> None:
    """It is said so, and nothing is changed at the service."""
    cell = _up(make_cell, mode)
    assert cell.account
    before = cell.account.zone.records()
    checks = cell.runner.doctor().checks
    assert [one for one in checks if not one.ok] == []
    [token] = [one for one in checks if one.name == "token"]
    assert "token" in token.finding
    assert cell.account.zone.records() == before


@pytest.mark.parametrize(
    ("fault", "made", "words"),
    [
        ("token ends soon", {"expires": timedelta(days=3)}, "ends at"),
        ("token has ended", {"expires": timedelta(days=-1)}, "is expired"),
        ("token is disabled", {"disabled": True}, "is disabled"),
        ("token may only read", {"permissions": ["zone read", "dns read"]}, "Zone.DNS: Edit"),
        ("token of another zone", {"zones": []}, "that the Cloudflare API token can see"),
        ("token for other addresses", {"addresses": ["192.0.2.0/24"]}, "from this address"),
    ],
)
def test_a_cloudflare_token_that_is_not_good(
    make_cell: MakeCell, found: Found, fault: str, made: dict[str, Any], words: str
) -> None:
    cell = _up(make_cell, "cloudflare")
    assert cell.account
    if "expires" in made:
        made = {"expires": datetime.now(UTC) + made["expires"]}
    token = cast("Cloudflare", cell.account.service).token(**made)
    cell.set(ddns={**cell.account.ddns, "token": token})
    one = found(cell.runner, f"Cloudflare: {fault}", "token")
    assert words in one.finding
    assert token not in f"{one}"


def test_a_duckdns_token_that_is_not_good(make_cell: MakeCell, found: Found) -> None:
    cell = _up(make_cell, "duckdns")
    assert cell.account
    cell.set(ddns={**cell.account.ddns, "token": "1f83d1a1-0000-0000-0000-000000000000"})
    assert "the token is wrong" in found(cell.runner, "DuckDNS: token is wrong", "token").finding


def test_a_pic_ngo_token_that_the_service_has_lost(make_cell: MakeCell, found: Found) -> None:
    cell = _up(make_cell, "pic_ngo")
    (cell.root / "data/api/.ddns_token").write_text("somebody-else-has-had-this-token")
    one = found(cell.runner, "pic.ngo: token unknown", "token")
    assert "does not know the token" in one.finding


def test_a_token_that_is_missing(make_cell: MakeCell, found: Found) -> None:
    cell = _up(make_cell, "cloudflare")
    (cell.base / "secrets/cloudflare/token").unlink()
    assert "--secret token=@FILE" in found(cell.runner, "token is missing", "token").mend


def test_a_dead_aaaa_beside_what_is_published(make_cell: MakeCell, found: Found) -> None:
    """In a mode that publishes only what it knows, and leaves the rest alone."""
    cell = _up(make_cell, "cloudflare")
    assert cell.account
    cell.account.zone.set(f"{cell.account.domain}.", "AAAA", "::1")
    one = found(cell.runner, "dead AAAA of another's", "dns")
    assert "the AAAA record is dead" in one.finding


def _up(make_cell: MakeCell, mode: str) -> Cell:
    cell = make_cell(mode, caddy=False)
    cell.set(picdns={"address": HERE})
    cell.runner.up()
    return cell
