"""The cell's own CA, judged by openssl and Python's ssl as devices would; and how it is trusted."""

import os
import plistlib
import ssl
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Literal, get_args

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from picdns_core import (
    Cell,
    CertRequest,
    FileStore,
    IssuedCert,
    PluginError,
    Runner,
    Service,
    StoreError,
    pem,
    setup,
    trust,
)
from picdns_core.clock import Clock
from picdns_core.internal_ca import InternalCA
from picdns_core.store import ConfigFile

LAN = Cell(name="home", mode="lan", domain="home.cell")
OWN = Cell(name="home", mode="http01", domain="home.example")
ROOT_KEY = Path("data/api/picdns/secrets/ca/privkey.pem")
ROOT = Path("data/api/picdns/secrets/ca/root.pem")


def openssl(*arguments: str | Path) -> str:
    done = subprocess.run(
        ["openssl", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


class Signed:
    """A certificate of a CA in files, as a server has it."""

    def __init__(self, folder: Path, ca: InternalCA, *names: str) -> None:
        self.root = folder / "root.pem"
        self.chain = folder / "chain.pem"
        self.key = folder / "key.pem"
        key = pem.new_key("ec256")
        request = CertRequest(lineage="a", names=names, csr_pem=pem.make_csr(key, names))
        self.root.write_bytes(ca.root_pem())
        self.chain.write_bytes(ca.sign(request).fullchain_pem)
        self.key.write_bytes(pem.dump_key(key))

    @property
    def leaf(self) -> x509.Certificate:
        [one] = x509.load_pem_x509_certificates(self.chain.read_bytes())
        return one

    def verify(self, *options: str) -> str:
        strict = ["-x509_strict", "-purpose", "sslserver", *options]
        return openssl("verify", "-CAfile", self.root, *strict, self.chain)

    def handshake(self, name: str) -> None:
        """Shake hands in memory with a client that trusts the root; SSLError if it does not."""
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(self.chain, self.key)
        client = ssl.create_default_context(cafile=str(self.root))
        up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
        ends = [
            client.wrap_bio(down, up, server_hostname=name),
            server.wrap_bio(up, down, server_side=True),
        ]
        while ends:
            for end in list(ends):
                try:
                    end.do_handshake()
                except ssl.SSLWantReadError:
                    continue
                ends.remove(end)


def constraints(ca: InternalCA) -> x509.Extension[x509.NameConstraints]:
    root = x509.load_pem_x509_certificate(ca.root_pem())
    return root.extensions.get_extension_for_class(x509.NameConstraints)


@pytest.mark.parametrize(
    ("cell", "domains"),
    [(LAN, {"cell"}), (OWN, {"home.example", "cell"})],
)
def test_the_root_may_sign_only_for_the_cell(tmp_path: Path, cell: Cell, domains: set[str]) -> None:
    """Its constraints are critical: the cell's domain, `.cell` and private addresses."""
    found = constraints(InternalCA(FileStore(tmp_path), cell, Clock.of_host()))
    permitted = found.value.permitted_subtrees or []
    assert found.critical
    assert {one.value for one in permitted if isinstance(one, x509.DNSName)} == domains
    assert {one.value for one in permitted if isinstance(one, x509.IPAddress)} == {
        ip_network(network)
        for network in (
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "127.0.0.0/8",
            "fc00::/7",
            "::1/128",
        )
    }


def test_the_root_is_a_ca_and_nothing_else(tmp_path: Path) -> None:
    """It signs leaves only, is named after the cell, and lasts ten years."""
    root = x509.load_pem_x509_certificate(
        InternalCA(FileStore(tmp_path), LAN, Clock.of_host()).root_pem()
    )
    basic = root.extensions.get_extension_for_class(x509.BasicConstraints)
    usage = root.extensions.get_extension_for_class(x509.KeyUsage)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)
    assert (usage.critical, usage.value.key_cert_sign, usage.value.digital_signature) == (
        True,
        True,
        False,
    )
    assert pem.facts(root).issuer.startswith("home internal CA 20")
    assert root.not_valid_after_utc - datetime.now(UTC) > timedelta(days=3640)


def test_a_cell_with_the_longest_name_has_a_root(tmp_path: Path) -> None:
    """A common name holds 64 characters; a cell's name may have 63 of its own."""
    cell = Cell(name="a" * 63, mode="lan", domain=f"{'a' * 63}.cell")
    signed = Signed(tmp_path, InternalCA(FileStore(tmp_path), cell, Clock.of_host()), cell.domain)
    assert signed.verify("-verify_hostname", cell.domain).endswith(": OK\n")


def test_a_leaf_lasts_ninety_days(tmp_path: Path) -> None:
    """It is for servers, for the key and names of the request, and valid at once."""
    leaf = Signed(
        tmp_path, InternalCA(FileStore(tmp_path), LAN, Clock.of_host()), "home.cell", "*.home.cell"
    ).leaf
    now = datetime.now(UTC)
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert pem.facts(leaf).names == ("home.cell", "*.home.cell")
    assert timedelta(days=90, minutes=-1) < leaf.not_valid_after_utc - now <= timedelta(days=90)
    assert timedelta(hours=1) <= now - leaf.not_valid_before_utc < timedelta(hours=1, minutes=1)
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


@pytest.mark.parametrize(
    ("cell", "names", "asked"),
    [
        (LAN, ["home.cell", "*.home.cell"], ["home.cell", "files.home.cell"]),
        (LAN, ["files.cell", "photos.cell"], ["files.cell", "photos.cell"]),
        (OWN, ["files.cell", "photos.cell"], ["files.cell", "photos.cell"]),
        (OWN, ["home.example", "*.home.example"], ["home.example", "files.home.example"]),
    ],
)
def test_openssl_and_python_trust_what_the_root_signed(
    tmp_path: Path, cell: Cell, names: list[str], asked: list[str]
) -> None:
    """Every name, below the wildcard too, verifies strictly and shakes hands."""
    signed = Signed(tmp_path, InternalCA(FileStore(tmp_path), cell, Clock.of_host()), *names)
    for name in asked:
        assert signed.verify("-verify_hostname", name).endswith(": OK\n")
        signed.handshake(name)


def test_names_that_are_not_in_it_are_not_trusted(tmp_path: Path) -> None:
    """A wildcard covers one label below, and `.cell` names are those that are listed."""
    signed = Signed(
        tmp_path, InternalCA(FileStore(tmp_path), LAN, Clock.of_host()), "home.cell", "*.home.cell"
    )
    for name in ("a.b.home.cell", "files.cell", "home.example"):
        assert "hostname mismatch" in signed.verify("-verify_hostname", name)
        with pytest.raises(ssl.SSLCertVerificationError, match="not valid for"):
            signed.handshake(name)


@pytest.mark.parametrize("address", ["192.168.1.2", "10.1.2.3", "172.31.0.1", "fd00::1", "::1"])
def test_private_addresses_are_within_the_constraints(tmp_path: Path, address: str) -> None:
    """A device that has only the address can be given a certificate."""
    signed = Signed(tmp_path, InternalCA(FileStore(tmp_path), LAN, Clock.of_host()), address)
    assert signed.verify("-verify_ip", address).endswith(": OK\n")


@pytest.mark.parametrize(
    "name", ["bank.example", "home.example.evil", "cell.example", "8.8.8.8", "2001:db8::1"]
)
def test_a_stolen_key_is_worth_nothing_elsewhere(tmp_path: Path, name: str) -> None:
    """Whatever the root signs outside of its constraints, devices refuse."""
    signed = Signed(tmp_path, InternalCA(FileStore(tmp_path), LAN, Clock.of_host()), name)
    assert "permitted subtree violation" in signed.verify()
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        signed.handshake(name)


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        (LAN, LAN, True),
        (OWN, OWN, True),
        (LAN, Cell(name="hut", mode="lan", domain="hut.cell"), True),
        (OWN, LAN, True),
        (LAN, OWN, False),
        (OWN, Cell(name="home", mode="http01", domain="other.example"), False),
    ],
)
def test_a_new_root_follows_when_the_domain_leaves_the_old_one(
    tmp_path: Path, before: Cell, after: Cell, *, same: bool
) -> None:
    """Devices import again when they must, and not when they need not."""
    old = InternalCA(FileStore(tmp_path), before, Clock.of_host()).root_pem()
    ca = InternalCA(FileStore(tmp_path), after, Clock.of_host())
    assert (ca.root_pem() == old) is same
    names = [f"files.{after.domain}", "files.cell"]
    assert Signed(tmp_path, ca, *names).verify().endswith(": OK\n")


def test_the_root_stays_from_call_to_call_and_each_serial_is_new(tmp_path: Path) -> None:
    """Signing twice gives two certificates of one root."""
    first = Signed(tmp_path, InternalCA(FileStore(tmp_path), LAN, Clock.of_host()), "home.cell")
    serial, root = first.leaf.serial_number, first.root.read_bytes()
    second = Signed(tmp_path, InternalCA(FileStore(tmp_path), LAN, Clock.of_host()), "home.cell")
    assert second.root.read_bytes() == root
    assert second.leaf.serial_number != serial


def test_only_we_can_read_the_root_and_its_key(tmp_path: Path) -> None:
    """Both are secrets in the store, from their first byte."""
    InternalCA(FileStore(tmp_path), LAN, Clock.of_host()).root_pem()
    modes = [stat.S_IMODE((tmp_path / path).stat().st_mode) for path in (ROOT_KEY, ROOT)]
    assert modes == [0o600, 0o600]


@pytest.mark.parametrize("missing", [ROOT, ROOT_KEY])
def test_half_a_ca_is_replaced(tmp_path: Path, missing: Path) -> None:
    """Killed between the two files, the next call makes both anew."""
    InternalCA(FileStore(tmp_path), LAN, Clock.of_host()).root_pem()
    (tmp_path / missing).unlink()
    signed = Signed(tmp_path, InternalCA(FileStore(tmp_path), LAN, Clock.of_host()), "home.cell")
    assert signed.verify().endswith(": OK\n")


@pytest.mark.parametrize(
    ("path", "data"),
    [
        (ROOT, b""),
        (ROOT, b"-----BEGIN CERTIFICATE-----\n"),
        (ROOT_KEY, b"nonsense"),
        (ROOT_KEY, pem.dump_key(pem.new_key("ec256"))),
    ],
)
def test_a_damaged_ca_is_said_and_kept(tmp_path: Path, path: Path, data: bytes) -> None:
    """Nothing is overwritten that a backup could bring back."""
    InternalCA(FileStore(tmp_path), LAN, Clock.of_host()).root_pem()
    (tmp_path / path).write_bytes(data)
    with pytest.raises(StoreError, match="secrets/ca is damaged") as caught:
        InternalCA(FileStore(tmp_path), LAN, Clock.of_host()).root_pem()
    assert "backup" in caught.value.hint
    assert (tmp_path / path).read_bytes() == data


def test_a_root_near_its_end_is_replaced(tmp_path: Path) -> None:
    """A leaf never outlives its root, so the root goes first."""
    ca = InternalCA(FileStore(tmp_path), LAN, Clock.of_host())
    old = x509.load_pem_x509_certificate(ca.root_pem())
    key = pem.load_key((tmp_path / ROOT_KEY).read_bytes())
    builder = (
        x509.CertificateBuilder(old.issuer, old.subject, old.public_key(), old.serial_number)
        .not_valid_before(old.not_valid_before_utc)
        .not_valid_after(datetime.now(UTC) + timedelta(days=179))
    )
    for extension in old.extensions:
        builder = builder.add_extension(extension.value, critical=extension.critical)
    ending = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    (tmp_path / ROOT).write_bytes(ending)
    assert InternalCA(FileStore(tmp_path), LAN, Clock.of_host()).root_pem() != ending


class Vault:
    """A host's own CA, with a root of its own; it counts what it signed."""

    def __init__(self) -> None:
        self._key = pem.new_key("ec256")
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "The host's vault")])
        self.signed: list[tuple[str, ...]] = []
        basic = x509.BasicConstraints(ca=True, path_length=None)
        builder = self._builder(self._name, self._key.public_key(), timedelta(days=1000))
        self._root = builder.add_extension(basic, critical=True).sign(self._key, hashes.SHA256())

    def root_pem(self) -> bytes:
        return self._root.public_bytes(Encoding.PEM)

    def sign(self, request: CertRequest) -> IssuedCert:
        self.signed.append(request.names)
        csr = x509.load_pem_x509_csr(request.csr_pem)
        builder = self._builder(x509.Name([]), csr.public_key(), timedelta(days=30))
        for extension in csr.extensions:
            builder = builder.add_extension(extension.value, critical=True)
        leaf = builder.sign(self._key, hashes.SHA256())
        return IssuedCert(fullchain_pem=leaf.public_bytes(Encoding.PEM))

    def _builder(
        self, subject: x509.Name, key: object, lifetime: timedelta
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)  # type: ignore[arg-type]
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + lifetime)
        )


@pytest.fixture
def lan_cell(tmp_path: Path) -> Path:
    """The root directory of a cell in lan mode with one service."""
    services = [Service(name="files", upstream="127.0.0.1:8080")]
    source = ConfigFile(tmp_path)
    setup.init(tmp_path, source, cell_name="home", mode_name="lan", services=services)
    return tmp_path


def test_a_hosts_own_signer_takes_the_place_of_the_internal_ca(lan_cell: Path) -> None:
    """The host passes its vault: all certificates verify against its root, and ours is not made."""
    vault = Vault()
    runner = Runner(lan_cell, signer=vault)
    report = runner.up()
    root = lan_cell / "vault.pem"
    root.write_bytes(vault.root_pem())
    names = {("home.cell", "*.home.cell"): "files.home.cell", ("files.cell",): "files.cell"}
    assert (set(report.issued), report.failed) == (set(names), ())
    assert sorted(vault.signed) == sorted(names)
    for one in runner.refresh().certificates:
        said = openssl("verify", "-CAfile", root, "-verify_hostname", names[one.names], one.path)
        assert said.endswith(": OK\n")
    assert runner.root_certificate() == vault.root_pem()
    assert not (lan_cell / ROOT).exists()


def test_changing_the_signer_renews_what_the_old_one_signed(lan_cell: Path) -> None:
    """A new root is another CA, and the same one changes nothing."""
    vault = Vault()
    both = {("home.cell", "*.home.cell"), ("files.cell",)}
    assert set(Runner(lan_cell).up().issued) == both
    assert set(Runner(lan_cell, signer=vault).up().issued) == both
    assert Runner(lan_cell, signer=vault).up().issued == ()


class _Broken(Vault):
    """A vault that fails in one of its calls."""

    def __init__(self, call: str, answer: object) -> None:
        super().__init__()
        setattr(self, call, lambda *_: self._fail(answer))

    def _fail(self, answer: object) -> object:
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("call", "answer", "said"),
    [
        ("sign", ConnectionError("vault is sealed"), "failed in sign: ConnectionError: vault is"),
        ("sign", None, "failed in sign: TypeError: returned NoneType, not IssuedCert"),
        ("root_pem", b"no root", "failed in root_pem: ValueError"),
    ],
)
def test_signer_that_fails_is_named_and_nothing_is_half_written(
    lan_cell: Path, call: str, answer: object, said: str
) -> None:
    """The host reads that its own CA is to be mended, not a traceback of ours."""
    runner = Runner(lan_cell, signer=_Broken(call, answer))
    try:
        messages = [problem.message for problem in runner.up().failed]
    except PluginError as error:
        messages = [error.message]
    assert messages
    assert all(said in message for message in messages)
    assert Runner(lan_cell, signer=Vault()).up().failed == ()


@pytest.fixture(scope="module")
def root_pem(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A root as devices are given it."""
    return InternalCA(FileStore(tmp_path_factory.mktemp("root")), LAN, Clock.of_host()).root_pem()


def file_with(folder: Path, data: bytes) -> Path:
    path = folder / "root"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("form", "inform"), [("pem", "PEM"), ("der", "DER")])
def test_pem_and_der_are_what_openssl_reads(
    tmp_path: Path, root_pem: bytes, form: Literal["pem", "der"], inform: str
) -> None:
    """Both forms are the root itself."""
    file = file_with(tmp_path, trust.render(root_pem, form))
    said = openssl("x509", "-in", file, "-inform", inform, "-outform", "PEM")
    assert said.encode() == root_pem


def test_the_fingerprint_is_that_of_openssl(tmp_path: Path, root_pem: bytes) -> None:
    """What people compare by eye is the same on both sides."""
    said = openssl(
        "x509", "-in", file_with(tmp_path, root_pem), "-noout", "-fingerprint", "-sha256"
    )
    expected = said.strip().rpartition("=")[2]
    assert expected == trust.fingerprint(root_pem)
    assert f"{expected}\n".encode() == trust.render(root_pem, "fingerprint")


def test_the_profile_for_apple_devices_carries_the_root(root_pem: bytes) -> None:
    """A profile of one root certificate, with identifiers that stay for the same root."""
    data = trust.render(root_pem, "mobileconfig")
    profile = plistlib.loads(data)
    [payload] = profile["PayloadContent"]
    assert profile["PayloadType"] == "Configuration"
    assert payload["PayloadType"] == "com.apple.security.root"
    assert payload["PayloadContent"] == trust.render(root_pem, "der")
    assert payload["PayloadUUID"] != profile["PayloadUUID"]
    assert payload["PayloadDisplayName"].startswith("home internal CA")
    assert data == trust.render(root_pem, "mobileconfig")


def test_no_form_contains_a_key(root_pem: bytes) -> None:
    """What is handed around is the certificate alone."""
    for form in get_args(trust.Form):
        assert b"PRIVATE" not in trust.render(root_pem, form)


SHELLS = ["Debian, Ubuntu", "Fedora, RHEL", "Arch", "Alpine", "macOS"]


@pytest.mark.parametrize("system", SHELLS)
def test_the_pasted_command_writes_the_root(tmp_path: Path, root_pem: bytes, system: str) -> None:
    """Run in a shell, with its path replaced, the first part leaves the root in the file."""
    command = trust.commands(root_pem)[system]
    first, _, rest = command.partition("\nEOF\n")
    words = first.splitlines()[0].split()
    place = next(word for word in words if word.startswith("/"))
    target = tmp_path / "root"
    script = first.removeprefix("sudo ").replace(place, str(target), 1) + "\nEOF\n"
    subprocess.run(["sh", "-euc", script], check=True, capture_output=True, env=dict(os.environ))
    assert target.read_bytes() == root_pem
    assert rest.strip()


def test_windows_gets_the_root_between_its_own_quotes(root_pem: bytes) -> None:
    """PowerShell takes everything between @' and '@ at the beginning of a line as it is."""
    command = trust.commands(root_pem)["Windows (PowerShell as administrator)"]
    _, _, rest = command.partition("@'\n")
    text, _, then = rest.partition("\n'@ ")
    assert f"{text}\n".encode() == root_pem
    assert "Import-Certificate" in then


def test_devices_without_a_shell_are_told_where_to_go(root_pem: bytes) -> None:
    """Phones and Firefox have no command; they name the file to take and the menu."""
    said = trust.commands(root_pem)
    assert "--format mobileconfig" in said["iPhone, iPad"]
    assert "--format der" in said["Android"]
    assert "--format pem" in said["Firefox"]
