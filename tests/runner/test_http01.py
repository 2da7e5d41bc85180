"""A cell in http01: one certificate per service, over Pebble and Caddy."""

import os
import subprocess
import sys

from picdns_core.testing import LocalInternet
from tests.conftest import Cell, MakeCell

EIGHT = ("files", "photos", "mail", "calendar", "music", "notes", "books", "video")


def test_eight_services_have_nine_certificates_and_all_are_served(make_cell: MakeCell) -> None:
    """One public certificate a service, and one internal for all of them."""
    cell = make_cell(services=EIGHT)
    report = cell.runner.up()
    certificates = cell.runner.refresh().certificates
    assert [problem.message for problem in report.failed] == []
    assert len(certificates) == 9
    assert [one.serial for one in certificates] == [one.served for one in certificates]
    for service in EIGHT:
        assert cell.get(f"{service}.home.test").body == "hello"


def test_internal_names_verify_against_the_internal_root(make_cell: MakeCell) -> None:
    """`https://<service>.cell` works beside the public names."""
    cell = make_cell(services=("files", "photos"))
    cell.runner.up()
    assert cell.get("files.cell").names == ["files.cell", "photos.cell"]
    assert cell.get("photos.cell").status == 200


def test_up_twice_changes_nothing(make_cell: MakeCell) -> None:
    """Neither a file nor a request to the CA."""
    cell = make_cell()
    cell.runner.up()
    cell.forget_asked()
    before = {
        path: os.lstat(path).st_mtime_ns
        for path in cell.root.rglob("*")
        if "locks" not in str(path)
    }
    report = cell.runner.up()
    after = {
        path: os.lstat(path).st_mtime_ns
        for path in cell.root.rglob("*")
        if "locks" not in str(path)
    }
    assert (report.issued, report.deployed, report.failed) == ((), False, ())
    assert after == before
    assert sum(cell.asked().values()) == 0


def test_first_certificate_takes_ten_requests_and_the_next_seven(make_cell: MakeCell) -> None:
    """What the protocol needs, and polls; the account, directory and nonces are used again."""
    cell = make_cell(services=("files", "photos"), caddy=False)
    runner = cell.runner
    runner.renew("files.home.test")
    once = {"/order-plz": 1, "/chalZ/": 1, "/finalize-order/": 1, "/certZ/": 1}
    assert _without_polls(cell) == once | {"/dir": 1, "/nonce-plz": 1, "/sign-me-up": 1}
    cell.forget_asked()
    runner.renew("photos.home.test")
    assert _without_polls(cell) == once


def _without_polls(cell: Cell) -> dict[str, int]:
    polls = ("/authZ/", "/my-order/")
    return {path: count for path, count in cell.asked().items() if path not in polls}


def test_forced_renewal_is_served_under_its_new_serial(make_cell: MakeCell) -> None:
    """The leaf that Caddy answers with is the new one, and only that name was renewed."""
    cell = make_cell(services=("files", "photos"))
    cell.runner.up()
    before = {
        name: cell.certificate(name).serial for name in ("files.home.test", "photos.home.test")
    }
    report = cell.runner.renew("files.home.test", force=True)
    after = cell.certificate("files.home.test")
    assert report.issued == (("files.home.test",),)
    assert after.served == after.serial != before["files.home.test"]
    assert cell.certificate("photos.home.test").serial == before["photos.home.test"]
    assert f"{cell.get('files.home.test').serial:x}" == after.serial.lstrip("0")


def test_new_service_gets_its_certificate_and_the_others_keep_theirs(make_cell: MakeCell) -> None:
    """Without a wildcard each new service needs its own challenge."""
    cell = make_cell(services=("files",))
    cell.runner.up()
    before = cell.certificate("files.home.test").serial
    cell.forget_asked()
    cell.services(("files", "photos"), cell.config()["services"][0]["upstream"])
    report = cell.runner.up()
    assert report.issued == (("photos.home.test",), ("files.cell", "photos.cell"))
    assert cell.certificate("files.home.test").serial == before
    assert cell.asked()["/order-plz"] == 1
    assert cell.get("photos.home.test").status == 200


def test_without_caddy_the_listener_answers_and_nothing_is_served(make_cell: MakeCell) -> None:
    """Where no Caddy is configured, picdns itself answers on the port while an order is open."""
    cell = make_cell(caddy=False)
    report = cell.runner.up()
    certificates = cell.runner.refresh().certificates
    assert report.failed == ()
    assert [one.served for one in certificates] == [None, None]
    assert cell.leftovers() == []


def test_nothing_is_left_in_the_webroot_or_the_journal(make_cell: MakeCell) -> None:
    """Challenge answers and intents are gone when the run is over."""
    cell = make_cell(services=("files", "photos"))
    cell.runner.up()
    assert cell.leftovers() == []


def test_from_lan_to_http01_a_new_root_permits_the_new_domain(make_cell: MakeCell) -> None:
    """The internal root follows the domain."""
    cell = make_cell()
    cell.set(domain_mode="lan", domain_name="home.lan")
    cell.runner.up()
    before = cell.internal_root
    cell.set(domain_mode="http01", domain_name="home.test")
    cell.runner.up()
    assert cell.internal_root != before
    assert cell.get("files.cell").status == 200
    assert cell.get("files.home.test").status == 200


def test_https_is_where_http_redirects_to(make_cell: MakeCell) -> None:
    """Everything but the challenge is sent to HTTPS."""
    cell = make_cell()
    cell.runner.up()
    assert cell.caddy
    answer = cell.caddy.get_plain("files.home.test", "/a?b=c")
    assert answer.status == 308
    assert answer.headers["location"] == "https://files.home.test/a?b=c"


def test_error_of_a_service_goes_with_the_service(
    make_cell: MakeCell, local_internet: LocalInternet
) -> None:
    """One that was removed is nobody's concern any more."""
    local_internet.zone("home.test").set("removed", "TXT", "no address here")
    cell = make_cell(services=("files", "removed"))
    assert len(cell.runner.up().failed) == 1
    assert cell.runner.refresh().last_error is not None
    cell.services(("files",), cell.config()["services"][0]["upstream"])
    assert cell.runner.up().failed == ()
    assert cell.runner.refresh().last_error is None


def test_nothing_of_acme_is_loaded_when_nothing_is_due(make_cell: MakeCell) -> None:
    """A look that finds all well costs little."""
    cell = make_cell()
    cell.runner.up()
    script = (
        "import sys\n"
        "from picdns_core import Runner\n"
        f"print(Runner({str(cell.root)!r}).up().issued, 'acme' in sys.modules)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "() False\n"
