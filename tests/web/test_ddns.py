"""Names that are chosen, and the service behind the mode."""

import pytest

from tests.conftest import MakeCell
from tests.web.conftest import MakeSite


def test_whether_a_name_is_free(make_cell: MakeCell, make_site: MakeSite) -> None:
    """Asked of the service; one's own is free, somebody else's is taken."""
    mine, other = (make_cell("pic_ngo", caddy=False) for _ in range(2))
    other.set(ddns=mine.config()["ddns"])
    for one in (mine, other):
        one.runner.up()
    site, config = make_site(mine), mine.config()
    before = mine.config_file.read_bytes()
    suffix = config["domain_name"].partition(".")[2]
    for name, free in (
        (config["cell_name"], True),
        (other.config()["cell_name"], False),
        ("quite-another", True),
    ):
        answered = site.get(f"/api/ddns/check/{name}").json
        assert isinstance(answered, dict)
        assert (answered["available"], answered["checked"]) == (free, True), answered
        assert answered["domain"] == f"{name}.{suffix}"
        assert answered["message"]
    assert mine.config_file.read_bytes() == before


def test_a_service_that_does_not_answer(make_cell: MakeCell, make_site: MakeSite) -> None:
    """A name counts as free, and it is said that nobody knows."""
    cell = make_cell("pic_ngo", caddy=False)
    cell.runner.up()
    config = cell.config()
    cell.set(ddns=config["ddns"] | {"api_url": "https://127.0.0.1:1"})
    answered = make_site(cell).get("/api/ddns/check/quite-another").json
    assert isinstance(answered, dict)
    assert (answered["available"], answered["checked"]) == (True, False)
    assert answered["message"].startswith("Not checked: ")


@pytest.mark.parametrize("name", ["a b", "-x", "<b>x<b>", "x" * 64, "..", "%2e%2e%2fetc", "a.b"])
def test_what_can_be_no_name(make_cell: MakeCell, make_site: MakeSite, name: str) -> None:
    cell = make_cell("pic_ngo", caddy=False)
    answered = make_site(cell).get(f"/api/ddns/check/{name}")
    assert answered.status_code in {404, 422}
    assert answered.mimetype in {"application/problem+json", "text/html"}
    assert "<b>" not in answered.text or answered.is_json or answered.mimetype != "text/html"


def test_a_mode_that_gives_no_names(make_cell: MakeCell, make_site: MakeSite) -> None:
    site = make_site(make_cell("lan", caddy=False))
    assert site.get("/api/ddns/check/home?mode=lan").status_code == 422
    assert site.get("/api/ddns/check/home?mode=../x").status_code == 422
