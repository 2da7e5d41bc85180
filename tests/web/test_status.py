"""How the cell is over HTTP, and when a renewal is refused."""

from datetime import timedelta

import pytest
from cryptography import x509

from picdns_core import trust
from picdns_core.clock import Clock
from picdns_core.errors import ChallengeFailed, RateLimited
from picdns_core.store import FileStore
from picdns_core.store.failures import Failures
from tests.conftest import MakeCell
from tests.web.conftest import MakeSite, Site


def test_the_certificates_as_the_document_has_it(site: Site) -> None:
    """The same that `picdns status` says."""
    answered = site.get("/api/caddy/cert-status").json
    assert isinstance(answered, dict)
    assert (answered["mode"], answered["domain"]) == ("lan", "home.cell")
    one = answered["certificates"][0]
    assert one["names"] == list(site.runner.status().certificates[0].names)
    assert one["days_remaining"] > 0


def test_the_whole_cell(site: Site) -> None:
    answered = site.get("/api/domain").json
    assert isinstance(answered, dict)
    assert answered["registered"]
    assert (answered["has_token"], answered["jobs"]) == ({}, [])
    assert answered["looked_at"].endswith("Z")


def test_the_root_in_each_form(site: Site) -> None:
    """A file with a name, or its fingerprint with what to paste."""
    pem = site.runner.root_certificate()
    assert site.get("/api/domain/ca").data == pem
    der = site.get("/api/domain/ca?format=der")
    assert x509.load_der_x509_certificate(der.data) == x509.load_pem_x509_certificate(pem)
    assert "picdns-root.cer" in der.headers["Content-Disposition"]
    profile = site.get("/api/domain/ca?format=mobileconfig")
    assert profile.mimetype == "application/x-apple-aspen-config"
    assert profile.data == trust.render(pem, "mobileconfig")
    said = site.get("/api/domain/ca?format=json").json
    assert isinstance(said, dict)
    assert said["fingerprint"] == trust.fingerprint(pem)
    assert site.get("/api/domain/ca?format=../key").status_code == 400


def test_the_doctor_answers(site: Site) -> None:
    answered = site.get("/api/domain/doctor").json
    assert isinstance(answered, dict)
    assert {"cell", "disk"} <= {one["name"] for one in answered["checks"]}
    assert {tuple(sorted(one)) for one in answered["checks"]} == {
        ("evidence", "finding", "mend", "name", "ok")
    }


def test_figures_for_prometheus(site: Site) -> None:
    assert "python_info" in site.get("/metrics").text


def test_a_renewal_of_a_name_that_there_is_not(site: Site) -> None:
    refused = site.send("POST", "/api/caddy/cert-renew", {"name": "other.test"})
    assert refused.status_code == 422
    assert "home.cell" in refused.json["hint"]  # type: ignore[index]


def test_a_ca_that_asked_to_wait_is_not_asked(make_cell: MakeCell, make_site: MakeSite) -> None:
    """429 with its time; what failed for another reason may be tried at once."""
    cell = make_cell(caddy=False)
    cell.runner.up()
    site, failures = make_site(cell), Failures(FileStore(cell.root), Clock.of_host())
    lineage = cell.runner.status().certificates[0].names[0]
    failures.postpone(lineage, RateLimited("Slow down.", retry_after=7200))
    cell.forget_asked()
    refused = site.send("POST", "/api/caddy/cert-renew", {"name": lineage})
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) == pytest.approx(7200, abs=60)
    assert not cell.asked()
    failures.clear(lineage)
    failures.postpone(lineage, ChallengeFailed("Not found."))
    job = site.done(site.send("POST", "/api/caddy/cert-renew", {"name": lineage}))
    assert (job["state"], job["result"]["failed"]) == ("done", []), job


def test_a_budget_that_is_used_up(make_cell: MakeCell, make_site: MakeSite) -> None:
    """Four certificates for the same names in a week, then 429, decided on disk."""
    cell = make_cell(caddy=False)
    runner = cell.runner
    runner.up()
    site = make_site(cell)
    lineage = runner.status().certificates[0].names[0]
    for _ in range(3):
        assert site.done(site.send("POST", "/api/caddy/cert-renew", {"name": lineage}))
    cell.forget_asked()
    refused = site.send("POST", "/api/caddy/cert-renew", {"name": lineage})
    assert refused.status_code == 429, refused.text
    week = timedelta(days=7).total_seconds()
    assert int(refused.headers["Retry-After"]) == pytest.approx(week, abs=120)
    assert "4 certificates" in refused.json["detail"]  # type: ignore[index]
    assert not cell.asked()
