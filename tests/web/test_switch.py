"""Modes, plans and switches over HTTP, with a real CA and a real service behind them."""

from tests.conftest import MakeCell
from tests.web.conftest import MakeSite, Site


def test_each_installed_mode_says_what_it_is_and_needs(site: Site) -> None:
    """Its schema is that of its settings; secrets are named, and whether they are there."""
    answered = site.get("/api/domain/modes").json
    assert isinstance(answered, dict)
    modes = {one["name"]: one for one in answered["modes"]}
    assert set(modes) >= {"pic_ngo", "cloudflare", "duckdns", "http01", "lan"}
    token = modes["cloudflare"]["secrets"][0]
    assert (token["name"], token["required"], token["has"]) == ("token", True, False)
    assert modes["pic_ngo"]["grants_names"]
    assert "schema" in modes["pic_ngo"]


def test_a_plan_asks_nobody_and_changes_nothing(site: Site) -> None:
    before = site.cell.config_file.read_bytes()
    plan = site.send("POST", "/api/domain/plan", {"mode": "lan", "settings": {"cell_name": "new"}})
    assert plan.status_code == 200, plan.text
    assert plan.json["domain"] == "new.cell"  # type: ignore[index]
    assert site.cell.config_file.read_bytes() == before


def test_what_is_wrong_with_a_switch_is_said_at_once(site: Site) -> None:
    """With the key and the mend; no job is begun."""
    for method, path in (("POST", "/api/domain/plan"), ("PUT", "/api/domain")):
        wrong = site.send(method, path, {"mode": "lan", "settings": {"colour": "<b>red</b>"}})
        assert (wrong.status_code, wrong.mimetype) == (422, "application/problem+json")
        assert wrong.json["key"] == "colour"  # type: ignore[index]
        assert wrong.json["hint"]  # type: ignore[index]
        unknown = site.send(method, path, {"mode": "../etc", "settings": {}})
        assert unknown.status_code == 422
    assert site.blueprint.jobs.unfinished() == []


def test_a_switch_is_a_job_and_the_token_never_comes_out(
    make_cell: MakeCell, make_site: MakeSite
) -> None:
    """From Cloudflare to lan and back, its token given anew."""
    cell = make_cell("cloudflare", caddy=False)
    assert cell.account
    secret = cell.config()["ddns"]["token"]
    cell.runner.up()
    site = make_site(cell)
    settings = {
        key: value for key, value in cell.config().get("ddns", {}).items() if key != "token"
    }
    there = site.done(site.send("PUT", "/api/domain", {"mode": "lan", "settings": {}}))
    assert (there["state"], there["result"]["mode"]) == ("done", "lan"), there
    assert site.get("/api/domain").json["mode"] == "lan"  # type: ignore[index]
    wish = {
        "mode": "cloudflare",
        "settings": settings | {"domain_name": cell.account.domain, "token": secret},
    }
    back = site.done(site.send("PUT", "/api/domain", wish))
    assert (back["state"], back["result"]["mode"]) == ("done", "cloudflare"), back
    assert len(back["steps"]) > 3
    whole = site.get("/api/domain")
    assert whole.json["has_token"] == {"token": True}  # type: ignore[index]
    for text in (whole.text, str(back), site.get("/api/domain/modes").text):
        assert secret not in text
    for kept in (cell.base / "jobs").iterdir():
        assert secret not in kept.read_text()


def test_a_token_that_is_refused_leaves_all_as_it_was(
    make_cell: MakeCell, make_site: MakeSite
) -> None:
    """The job says why, and the old one is still in use."""
    cell = make_cell("cloudflare", caddy=False)
    cell.runner.up()
    site = make_site(cell)
    failed = site.done(site.send("PUT", "/api/ddns", {"settings": {"token": "wrong-token-000"}}))
    assert failed["state"] == "failed"
    assert failed["problem"]["type"] == "urn:picdns:problem:AuthenticationFailed"
    assert failed["problem"]["hint"]
    assert "wrong-token-000" not in str(failed)
    assert site.done(site.send("POST", "/api/ddns/register", {}))["state"] == "done"
