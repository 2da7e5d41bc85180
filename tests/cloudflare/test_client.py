"""How the API is spoken to: signed by the token alone, and by nothing of the host."""

from pathlib import Path

import pytest

from picdns_core.testing.services.cloudflare import Cloudflare

from .conftest import ZONE, CellAtCloudflare


def test_netrc_of_the_host_does_not_replace_the_token(
    home: CellAtCloudflare, stand_in: Cloudflare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As requests would have it for any header that it was given."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert home.register().notes["zone"] == ZONE
    assert {request.header("Authorization") for request in stand_in.requests} == {
        f"Bearer {stand_in.default_token}"
    }


def test_token_is_in_no_url(home: CellAtCloudflare, stand_in: Cloudflare) -> None:
    """URLs are logged by whoever is on the way."""
    home.register()
    home.update_ip(ipv4="127.0.0.5")
    assert not any(stand_in.default_token in request.target for request in stand_in.requests)
