"""`picdns ca`: the internal root in every form, whole and unaltered."""

import hashlib
import json
import os
import plistlib
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509

from .shell import Shell


@pytest.fixture
def root(cell: Shell) -> x509.Certificate:
    """The root that the cell has made."""
    assert cell.call("ca").exit_code == 0
    pem = (cell.root / "data/api/picdns/secrets/ca/root.pem").read_bytes()
    return x509.load_pem_x509_certificate(pem)


def fingerprint(root: x509.Certificate) -> str:
    digest = hashlib.sha256(der(root)).hexdigest().upper()
    return ":".join(digest[at : at + 2] for at in range(0, 64, 2))


def der(root: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return root.public_bytes(Encoding.DER)


def printed(cell: Shell, form: str) -> bytes:
    done = subprocess.run(cell.command("ca", "--format", form), capture_output=True, check=True)
    return done.stdout


def test_pem_is_the_root(cell: Shell, root: x509.Certificate) -> None:
    """And nothing else, so that it can go to a file."""
    text = printed(cell, "pem")
    assert x509.load_pem_x509_certificate(text) == root
    assert text.startswith(b"-----BEGIN CERTIFICATE-----\n")
    assert text.endswith(b"-----END CERTIFICATE-----\n")


def test_der_is_the_root_byte_for_byte(cell: Shell, root: x509.Certificate) -> None:
    """Binary on standard output, not touched by any encoding."""
    assert printed(cell, "der") == der(root)


def test_mobileconfig_holds_the_root(cell: Shell, root: x509.Certificate) -> None:
    """A profile that Apple's devices take."""
    profile = plistlib.loads(printed(cell, "mobileconfig"))
    [payload] = profile["PayloadContent"]
    assert payload["PayloadType"] == "com.apple.security.root"
    assert payload["PayloadContent"] == der(root)


def test_fingerprint_is_not_altered_by_the_terminal(cell: Shell, root: x509.Certificate) -> None:
    """`:AB:` is no emoji and no markup, in any place where it stands."""
    assert printed(cell, "fingerprint").decode() == f"{fingerprint(root)}\n"
    first = cell.call("ca").stdout.splitlines()[0]
    assert first == f"SHA-256 fingerprint: {fingerprint(root)}"
    assert cell.json("ca")["fingerprint"] == fingerprint(root)


def test_text_can_be_pasted_line_by_line(cell: Shell, root: x509.Certificate) -> None:
    """Each command of each system stands there as it is to be typed, with the whole root."""
    said = cell.json("ca")
    shown = cell.call("ca").stdout
    for system, text in said["commands"].items():
        assert f"# {system}\n{text}\n" in shown
    assert said["pem"].strip() in shown


def test_every_system_has_its_way(cell: Shell) -> None:
    """Those that a house has."""
    names = " ".join(cell.json("ca")["commands"])
    for system in ("Debian", "Fedora", "Arch", "Alpine", "macOS", "Windows", "iPhone", "Android"):
        assert system in names


def test_command_for_debian_writes_the_root(
    cell: Shell, root: x509.Certificate, tmp_path: Path
) -> None:
    """Run by a shell, with the system's directory and sudo replaced."""
    text = cell.json("ca")["commands"]["Debian, Ubuntu"]
    text = text.replace("sudo tee /usr/local/share/ca-certificates/", f"tee {tmp_path}/")
    text = text.replace("sudo update-ca-certificates", "true")
    subprocess.run(["sh", "-euc", text], check=True, capture_output=True)
    written = (tmp_path / "picdns-root.crt").read_bytes()
    assert x509.load_pem_x509_certificate(written) == root


def test_root_stays_the_same(cell: Shell, root: x509.Certificate) -> None:
    """Asking does not make a new one; `up` uses the one that was shown."""
    assert cell.json("ca")["pem"] == cell.json("ca")["pem"]
    cell.call("up")
    path = cell.json("status")["certificates"][0]["path"]
    leaf = x509.load_pem_x509_certificate(Path(path).read_bytes())
    leaf.verify_directly_issued_by(root)


def test_json_alone_is_json(cell: Shell) -> None:
    """In a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "picdns_core.cli", "--root", str(cell.root), "ca", "--json"],
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout).keys() == {"fingerprint", "pem", "commands"}


def test_form_and_json_at_once_are_wrong_use(cell: Shell) -> None:
    """A form is a file, and not JSON."""
    done = cell.call("ca", "--format", "pem", "--json")
    assert done.exit_code == 2
    assert "leave --json away" in done.stderr


@pytest.mark.parametrize("words", [("ca",), ("ca", "--format", "pem"), ("modes",)])
def test_output_that_cannot_be_written_is_said(cell: Shell, words: tuple[str, ...]) -> None:
    """As when it is redirected to a full disk; buffered, as Python does by default."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            cell.command(*words), stdout=full, stderr=subprocess.PIPE, check=False, env=environment
        )
    assert done.returncode == 1
    assert b"The output could not be written: No space left on device." in done.stderr
    assert b"Traceback" not in done.stderr
