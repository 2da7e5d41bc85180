"""A cell that moves in with its certificates: served at once, and until its own are."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from picdns_core import CaddyDown, CertFiles, CertificateRejected, DeployFailed, pem
from picdns_core.adoption import Adopted
from picdns_core.testing import Answer, Response
from tests.conftest import Cell, MakeCell

NAME = "files.home.test"
HOUR = timedelta(hours=1)


class Elsewhere:
    """A CA that is not the cell's, with a root and an intermediate, and what it issued."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._root_key, self._key = pem.new_key("ec256"), pem.new_key("ec256")
        self.root = self._sign("Root", self._root_key, "Root", self._root_key)
        self.intermediate = self._sign("Elsewhere", self._key, "Root", self._root_key)
        self._count = 0

    def issue(
        self,
        *names: str,
        key: pem.PrivateKey | None = None,
        start: timedelta = -HOUR,
        end: timedelta = 24 * HOUR,
        chain: tuple[x509.Certificate, ...] | None = None,
    ) -> CertFiles:
        """Write fullchain.pem and privkey.pem, as certbot does."""
        self._count += 1
        files = [self.folder / f"{self._count}-{name}.pem" for name in ("fullchain", "privkey")]
        key = key or pem.new_key("ec256")
        leaf = self._sign("", key, "Elsewhere", self._key, names, start, end)
        above = (self.intermediate,) if chain is None else chain
        files[0].write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in (leaf, *above)))
        files[1].write_bytes(pem.dump_key(key))
        return CertFiles(fullchain=str(files[0]), privkey=str(files[1]))

    def _sign(
        self,
        subject: str,
        key: pem.PrivateKey,
        issuer: str,
        issuer_key: pem.PrivateKey,
        names: tuple[str, ...] = (),
        start: timedelta = -HOUR,
        end: timedelta = 24 * HOUR,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_named(subject))
            .issuer_name(_named(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + start)
            .not_valid_after(now + end)
            .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
        )
        if names:
            alternative = x509.SubjectAlternativeName([pem.general_name(name) for name in names])
            builder = builder.add_extension(alternative, critical=not subject)
        return builder.sign(issuer_key, hashes.SHA256())

    def get(self, cell: Cell, name: str) -> Response:
        """Ask Caddy for a name, as who trusts this CA."""
        assert cell.caddy
        return cell.caddy.get(name, ca=self.root.public_bytes(Encoding.PEM).decode())


def _named(common_name: str) -> x509.Name:
    attribute = x509.NameAttribute(NameOID.COMMON_NAME, common_name or "-")
    return x509.Name([attribute] if common_name else [])


def leaf(files: CertFiles) -> x509.Certificate:
    return x509.load_pem_x509_certificate(Path(files.fullchain).read_bytes())


def generations(cell: Cell, lineage: str = NAME) -> list[str]:
    return sorted(path.name for path in cell.base.glob(f"certs/{lineage}/0*"))


@pytest.fixture
def elsewhere(tmp_path: Path) -> Elsewhere:
    """Where the cell had its certificates from before."""
    return Elsewhere(tmp_path / "letsencrypt")


def test_adopted_is_served_until_ours_is(make_cell: MakeCell, elsewhere: Elsewhere) -> None:
    """The whole way: served at once with its chain, shown by status, and replaced by `up`."""
    cell, files = make_cell(), elsewhere.issue(NAME)
    done = cell.runner.adopt([files])
    serial = pem.serial_hex(leaf(files))
    [adopted] = done.adopted
    assert adopted == Adopted(
        names=(NAME,),
        issuer="Elsewhere",
        serial=serial,
        not_after=leaf(files).not_valid_after_utc,
    )
    assert (done.kept, done.missing, done.deployed) == ((), ("files.cell",), True)
    assert elsewhere.get(cell, NAME).serial == leaf(files).serial_number
    shown = cell.certificate(NAME)
    assert (shown.served, shown.serial, shown.days_remaining) == (serial, serial, 0)
    assert cell.asked() == {}
    assert (NAME,) in cell.runner.up().issued
    assert cell.get(NAME).status == 200
    assert cell.certificate(NAME).issuer.startswith("Pebble")
    assert cell.runner.up().issued == ()
    assert cell.leftovers() == []


def test_adopted_stays_served_while_ours_cannot_be_had(
    make_cell: MakeCell, elsewhere: Elsewhere
) -> None:
    """The CA refuses again and again; then it does not, and ours is served."""
    cell, files = make_cell(), elsewhere.issue(NAME)
    assert cell.pebble
    proxy = cell.net.fault_proxy(cell.pebble.directory)
    rule = proxy.on("POST", "/order-plz", Answer(503))
    acme = {
        "directory": proxy.proxied(cell.pebble.directory),
        "ca_bundle": str(cell.net.authority.bundle),
    }
    cell.set(picdns={"acme": acme})
    cell.runner.adopt([files])
    for _ in range(3):
        [failed] = cell.runner.up().failed
        assert failed.names == (NAME,)
        assert elsewhere.get(cell, NAME).serial == leaf(files).serial_number
    assert cell.certificate(NAME).served == pem.serial_hex(leaf(files))
    assert cell.runner.refresh().last_error is not None
    proxy.faults.remove(rule)
    assert cell.runner.up().failed == ()
    assert cell.get(NAME).status == 200
    proxy.close()


def test_adopted_stays_served_when_ours_is_not_proven(
    make_cell: MakeCell, elsewhere: Elsewhere
) -> None:
    """Ours is had, and Caddy seems to serve something else: the adopted one comes back."""
    cell, files = make_cell(), elsewhere.issue(NAME)
    cell.runner.adopt([files])
    cell.runner.renew("files.cell")
    assert cell.caddy
    cell.set(picdns={"caddy": {"probe": cell.caddy.admin}})
    with pytest.raises(DeployFailed):
        cell.runner.up()
    assert elsewhere.get(cell, NAME).serial == leaf(files).serial_number
    assert cell.certificate(NAME).serial == pem.serial_hex(leaf(files))
    cell.set(picdns={"caddy": {"probe": None}})
    assert cell.runner.up().failed == ()
    assert cell.get(NAME).status == 200


def test_one_wildcard_serves_several_lineages(make_cell: MakeCell, elsewhere: Elsewhere) -> None:
    """Each has it; names of others in it get no site of ours."""
    cell = make_cell(services=("files", "photos"))
    files = elsewhere.issue("other.example", "*.HOME.test", "files.cell", "photos.cell")
    done = cell.runner.adopt([files])
    assert [one.names for one in done.adopted] == [
        (NAME,),
        ("photos.home.test",),
        ("files.cell", "photos.cell"),
    ]
    assert done.missing == ()
    for name in (NAME, "photos.home.test", "photos.cell"):
        assert elsewhere.get(cell, name).serial == leaf(files).serial_number
    assert "other.example" not in cell.caddyfile.read_text()
    assert "*" not in cell.caddyfile.read_text().replace("acme-challenge/*", "")


def test_several_move_in_at_once_and_the_longest_lived_is_taken(
    make_cell: MakeCell, elsewhere: Elsewhere
) -> None:
    """So that no name goes without while its neighbour moves in."""
    cell = make_cell(services=("files", "photos"))
    given = [
        elsewhere.issue(NAME, end=5 * HOUR),
        elsewhere.issue(NAME, "photos.home.test", end=9 * HOUR),
        elsewhere.issue("photos.home.test", end=7 * HOUR),
    ]
    done = cell.runner.adopt(given)
    assert [one.serial for one in done.adopted] == [pem.serial_hex(leaf(given[1]))] * 2


def test_wildcard_mode_needs_apex_and_wildcard(make_cell: MakeCell, elsewhere: Elsewhere) -> None:
    """Half of it is refused, with what is needed and what there is."""
    cell = make_cell("lan")
    with pytest.raises(CertificateRejected) as refused:
        cell.runner.adopt([elsewhere.issue("*.home.cell")])
    assert "it names *.home.cell. " in refused.value.message
    assert "home.cell, *.home.cell; files.cell." in refused.value.hint
    files = elsewhere.issue("*.home.cell", "home.cell")
    assert cell.runner.adopt([files]).adopted[0].names == ("home.cell", "*.home.cell")
    assert elsewhere.get(cell, NAME.replace("test", "cell")).status == 200
    assert cell.runner.up().failed == ()
    assert cell.get("files.home.cell").status == 200


@pytest.mark.parametrize(
    "name", ["home.test", "a.files.home.test", "*.files.home.test", "*.test", "*.cell", "*", "::1"]
)
def test_wildcard_stands_for_one_label(
    make_cell: MakeCell, elsewhere: Elsewhere, name: str
) -> None:
    """And a name for itself (RFC 9525, section 6.3); OpenSSL and browsers take no `*.cell`."""
    cell = make_cell(caddy=False)
    with pytest.raises(CertificateRejected, match=r"covers no certificate of this cell"):
        cell.runner.adopt([elsewhere.issue(name)])
    assert not cell.base.exists()


def test_twice_changes_nothing(make_cell: MakeCell, elsewhere: Elsewhere) -> None:
    """Neither a file nor what is served, and it is said."""
    cell, files = make_cell(), elsewhere.issue(NAME)
    cell.runner.adopt([files])
    before = {path: os.lstat(path).st_mtime_ns for path in cell.base.rglob("certs/*/*")}
    again = cell.runner.adopt([files])
    assert (again.adopted, again.kept, again.deployed) == ((), ((NAME,),), False)
    assert {path: os.lstat(path).st_mtime_ns for path in cell.base.rglob("certs/*/*")} == before


def test_certificate_of_ours_is_left_alone(make_cell: MakeCell, elsewhere: Elsewhere) -> None:
    """Also one that is not live yet."""
    cell = make_cell(caddy=False)
    cell.runner.up()
    serial = cell.certificate(NAME).serial
    done = cell.runner.adopt([elsewhere.issue(NAME)])
    assert (done.adopted, done.kept) == ((), ((NAME,),))
    assert cell.certificate(NAME).serial == serial
    assert generations(cell) == ["000001"]


def test_originals_are_not_touched_and_the_key_is_ours_alone(
    make_cell: MakeCell, elsewhere: Elsewhere
) -> None:
    """The key's copy is 0600, whatever the mode of the original."""
    cell, files = make_cell(caddy=False), elsewhere.issue(NAME)
    paths = [Path(files.fullchain), Path(files.privkey)]
    paths[1].chmod(0o644)
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in paths]
    cell.runner.adopt([files])
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in paths] == before
    copy = cell.base / f"certs/{NAME}/000000/privkey.pem"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert pem.load_key(copy.read_bytes()).public_key() == leaf(files).public_key()


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("kind", ["ec256", "ec384", "ec521", "rsa2048"])
def test_usual_keys_of_each_kind_are_adopted(
    make_cell: MakeCell, elsewhere: Elsewhere, kind: str, form: PrivateFormat
) -> None:
    """EC and RSA, as certbot, Caddy and acme.sh write them, with what editors leave around."""
    key: pem.PrivateKey = (
        rsa.generate_private_key(65537, 2048)
        if kind == "rsa2048"
        else ec.generate_private_key(
            {"ec256": ec.SECP256R1(), "ec384": ec.SECP384R1(), "ec521": ec.SECP521R1()}[kind]
        )
    )
    cell, files = make_cell(), elsewhere.issue(NAME, key=key)
    text = key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()
    Path(files.privkey).write_text(f"Key of the cell\n{text}\n\n", newline="\r\n")
    assert cell.runner.adopt([files]).deployed
    assert elsewhere.get(cell, NAME).serial == leaf(files).serial_number


def test_key_in_the_file_of_the_certificate_stays_out_of_the_chain(
    make_cell: MakeCell, elsewhere: Elsewhere
) -> None:
    """Some programs want both in one file; what is kept is apart."""
    cell, files = make_cell(caddy=False), elsewhere.issue(NAME)
    both = Path(files.privkey).read_text() + Path(files.fullchain).read_text()
    Path(files.fullchain).write_text(both)
    cell.runner.adopt([CertFiles(fullchain=files.fullchain, privkey=files.fullchain)])
    chain = (cell.base / f"certs/{NAME}/current/fullchain.pem").read_text()
    assert "PRIVATE KEY" not in chain
    assert chain.count("BEGIN CERTIFICATE") == 2


def missing(files: CertFiles) -> None:
    Path(files.fullchain).unlink()


def directory(files: CertFiles) -> None:
    Path(files.privkey).unlink()
    Path(files.privkey).mkdir()


def swapped(files: CertFiles) -> None:
    chain, key = Path(files.fullchain), Path(files.privkey)
    chain.write_bytes(key.read_bytes())


def certificate_for_key(files: CertFiles) -> None:
    shutil.copy(files.fullchain, files.privkey)


def der(files: CertFiles) -> None:
    Path(files.fullchain).write_bytes(leaf(files).public_bytes(Encoding.DER))


def empty(files: CertFiles) -> None:
    Path(files.privkey).write_bytes(b"")


def endless(files: CertFiles) -> None:
    Path(files.fullchain).unlink()
    Path(files.fullchain).symlink_to("/dev/zero")


def damaged(files: CertFiles) -> None:
    text = Path(files.fullchain).read_text().splitlines()
    Path(files.fullchain).write_text("\n".join([text[0], "AAAA", text[-1]]))


def damaged_key(files: CertFiles) -> None:
    text = Path(files.privkey).read_text().splitlines()
    Path(files.privkey).write_text("\n".join([text[0], "AAAA", text[-1]]))


def encrypted(files: CertFiles) -> None:
    key = pem.load_key(Path(files.privkey).read_bytes())
    locked = BestAvailableEncryption(b"secret")
    Path(files.privkey).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))


def of_another_kind(files: CertFiles) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    Path(files.privkey).write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )


def of_another_certificate(files: CertFiles) -> None:
    Path(files.privkey).write_bytes(pem.dump_key(pem.new_key("ec256")))


def in_the_wrong_order(files: CertFiles) -> None:
    first, second = x509.load_pem_x509_certificates(Path(files.fullchain).read_bytes())
    Path(files.fullchain).write_bytes(
        b"".join(one.public_bytes(Encoding.PEM) for one in (second, first))
    )


def with_a_gap(files: CertFiles) -> None:
    first, second = x509.load_pem_x509_certificates(Path(files.fullchain).read_bytes())
    Path(files.fullchain).write_bytes(
        b"".join(one.public_bytes(Encoding.PEM) for one in (first, first, second))
    )


BAD: dict[Callable[[CertFiles], None], str] = {
    missing: "fullchain.pem could not be read: No such file or directory",
    directory: "privkey.pem could not be read: Is a directory",
    swapped: "fullchain.pem holds no certificate, but a private key",
    certificate_for_key: "privkey.pem holds no private key, but a certificate",
    der: "fullchain.pem is not PEM",
    empty: "privkey.pem is not PEM",
    endless: "fullchain.pem is too large",
    damaged: "The certificate in",
    damaged_key: "The private key in",
    encrypted: "cannot be used: the key is encrypted with a password",
    of_another_kind: "neither an EC nor an RSA key",
    of_another_certificate: "is not that of the first certificate in",
    in_the_wrong_order: "is not that of the first certificate in",
    with_a_gap: "has a gap: after a certificate from Elsewhere comes",
}


@pytest.mark.parametrize(("spoil", "said"), BAD.items())
def test_what_is_not_good_is_refused_before_anything_is_changed(
    make_cell: MakeCell, elsewhere: Elsewhere, spoil: Callable[[CertFiles], None], said: str
) -> None:
    """One error that names the file, and that what is served stays so."""
    cell, files = make_cell(caddy=False), elsewhere.issue(NAME)
    spoil(files)
    with pytest.raises(CertificateRejected) as refused:
        cell.runner.adopt([elsewhere.issue("files.cell"), files])
    assert said in refused.value.message
    assert refused.value.message.endswith("Nothing was changed, and what is served stays so.")
    assert refused.value.hint.startswith("Wanted are the certificate with its chain")
    assert not cell.base.exists()


@pytest.mark.parametrize(
    ("start", "end", "said", "hint"),
    [
        (-2 * HOUR, -HOUR, "ended at", "picdns up"),
        (HOUR, 2 * HOUR, "begins only at", "clock"),
    ],
)
def test_certificate_that_is_not_valid_now_is_refused(
    make_cell: MakeCell,
    elsewhere: Elsewhere,
    start: timedelta,
    end: timedelta,
    said: str,
    hint: str,
) -> None:
    """Nobody would trust what would be served."""
    cell = make_cell(caddy=False)
    with pytest.raises(CertificateRejected, match=said) as refused:
        cell.runner.adopt([elsewhere.issue(NAME, start=start, end=end)])
    assert hint in refused.value.hint


def test_what_caddy_refuses_is_not_kept(make_cell: MakeCell, elsewhere: Elsewhere) -> None:
    """A curve that no browser speaks; all is as if nothing had been tried."""
    key = ec.generate_private_key(ec.BrainpoolP256R1())
    cell = make_cell()
    with pytest.raises(DeployFailed, match="Caddy refuses"):
        cell.runner.adopt([elsewhere.issue(NAME, key=key)])
    assert generations(cell) == []
    assert not cell.caddyfile.exists()
    assert cell.runner.up().failed == ()
    assert cell.get(NAME).status == 200


def test_what_is_adopted_while_caddy_is_down_is_live_after_up(
    make_cell: MakeCell, elsewhere: Elsewhere
) -> None:
    """It waits on disk, also when the CA then gives nothing."""
    cell, files = make_cell(), elsewhere.issue(NAME)
    assert cell.caddy
    cell.caddy.stop()
    with pytest.raises(CaddyDown):
        cell.runner.adopt([files])
    assert generations(cell) == ["000000"]
    cell.caddy.start()
    cell.set(picdns={"acme": {"directory": "https://127.0.0.1:1/dir"}})
    assert len(cell.runner.up().failed) == 1
    assert elsewhere.get(cell, NAME).serial == leaf(files).serial_number


def test_half_an_adoption_is_cleared_away_by_up(make_cell: MakeCell, elsewhere: Elsewhere) -> None:
    """A kill left the key alone; nobody adopts again."""
    cell, files = make_cell(caddy=False), elsewhere.issue(NAME)
    cell.runner.adopt([files])
    for name in ("meta.json", "fullchain.pem"):
        (cell.base / f"certs/{NAME}/000000/{name}").unlink()
    (cell.base / f"certs/{NAME}/current").unlink()
    assert cell.runner.up().failed == ()
    assert generations(cell) == ["000001"]
    assert cell.leftovers() == []


KILLED = """
import os, signal, sys
from picdns_core import CertFiles, Runner
ACTS = {"os.rename", "os.remove", "os.symlink", "os.mkdir", "os.rmdir", "http.client.send"}
root, fullchain, privkey, kill_at = *sys.argv[1:4], int(sys.argv[4])
count = 0

def hook(event, arguments):
    global count
    writes = event == "open" and str(arguments[0]).startswith(root) and arguments[2] & os.O_CREAT
    if event in ACTS or writes:
        count += 1
        if count == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(hook)
Runner(root).adopt([CertFiles(fullchain=fullchain, privkey=privkey)])
"""


@pytest.mark.timeout(300)
def test_adoption_killed_at_each_act_is_completed_by_the_next(
    make_cell: MakeCell, elsewhere: Elsewhere
) -> None:
    """The name is served at every moment, and the admin's Caddyfile is nowhere lost."""
    cell, files = make_cell(), elsewhere.issue(NAME)
    assert cell.caddy
    theirs = (
        f"{{\n\tadmin {cell.caddy.admin}\n\tauto_https off\n"
        f"\thttps_port {cell.caddy.https_port}\n}}\n"
        f"https://{NAME} {{\n\ttls {files.fullchain} {files.privkey}\n\trespond theirs\n}}\n"
    )
    kept = cell.caddyfile.with_name("Caddyfile.orig")
    killed, kill_at = True, 0
    while killed and kill_at < 200:
        kill_at += 1
        shutil.rmtree(cell.base, ignore_errors=True)
        kept.unlink(missing_ok=True)
        cell.caddyfile.parent.mkdir(exist_ok=True)
        cell.caddyfile.write_text(theirs)
        load = f"http://{cell.caddy.admin}/load"
        headers = {"Content-Type": "text/caddyfile"}
        requests.post(load, data=theirs, headers=headers, timeout=10).raise_for_status()
        arguments = [str(cell.root), files.fullchain, files.privkey, str(kill_at)]
        done = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
        killed = done.returncode == -signal.SIGKILL
        assert elsewhere.get(cell, NAME).status == 200
        assert theirs in {one.read_text() for one in (cell.caddyfile, kept) if one.exists()}
        cell.runner.adopt([files])
        assert (kill_at, cell.leftovers()) == (kill_at, [])
        assert elsewhere.get(cell, NAME).body == "hello"
        assert kept.read_text() == theirs
    assert 20 < kill_at < 200
