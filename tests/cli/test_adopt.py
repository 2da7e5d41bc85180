"""`picdns adopt`: what it says, in text and in JSON, and its exit codes."""

import pytest

from picdns_core.testing import LocalInternet, ServerCertificate

from .shell import Shell


@pytest.fixture
def theirs(local_internet: LocalInternet) -> ServerCertificate:
    """A certificate that the lan cell can use."""
    return local_internet.authority.issue("home.cell", "*.home.cell")


def words(*given: ServerCertificate) -> list[str]:
    pairs = [("--cert", str(one.chain), "--key", str(one.key)) for one in given]
    return ["adopt", *(word for pair in pairs for word in pair)]


def test_adoption_is_told_with_names_and_end(cell: Shell, theirs: ServerCertificate) -> None:
    """And what has no certificate yet, and what comes next."""
    done = cell.run(*words(theirs))
    assert done.returncode == 0
    assert f"home.cell: Adopting {theirs.chain}" in done.stderr.splitlines()
    adopted, *others = done.stdout.splitlines()
    assert adopted.startswith("Adopted for home.cell, *.home.cell, until 3000-01-01: by OU=")
    assert others == [
        "No certificate yet: files.cell",
        "The newest certificates are in use",
        "Next: picdns up",
    ]


def test_json_has_every_field(cell: Shell, theirs: ServerCertificate) -> None:
    """The second time nothing is adopted."""
    first = cell.json(*words(theirs))
    [adopted] = first.pop("adopted")
    assert adopted.keys() == {"names", "issuer", "serial", "not_after"}
    assert adopted["names"] == ["home.cell", "*.home.cell"]
    assert first == {"kept": [], "missing": ["files.cell"], "deployed": True}
    again = cell.json(*words(theirs))
    assert again["kept"] == [["home.cell", "*.home.cell"]]
    assert (again["adopted"], again["deployed"]) == ([], False)
    said = cell.call(*words(theirs)).stdout
    assert "Left alone, there is one: home.cell, *.home.cell" in said


def test_several_are_adopted_at_once(
    cell: Shell, theirs: ServerCertificate, local_internet: LocalInternet
) -> None:
    """Each --cert with its --key."""
    internal = local_internet.authority.issue("files.cell")
    done = cell.json(*words(theirs, internal))
    assert [one["names"] for one in done["adopted"]] == [
        ["home.cell", "*.home.cell"],
        ["files.cell"],
    ]
    assert done["missing"] == []


def test_what_is_not_good_is_one_error(cell: Shell, theirs: ServerCertificate) -> None:
    """Exit code 1, with the mend; in JSON, too; it is no last error of the cell."""
    swapped = ServerCertificate(theirs.key, theirs.chain)
    done = cell.call(*words(swapped))
    assert (done.exit_code, done.stdout) == (1, "")
    assert "holds no certificate, but a private key" in done.stderr
    assert "Traceback" not in done.stderr
    assert cell.json(*words(swapped), code=1)["error"]["type"] == "CertificateRejected"
    assert cell.json("status")["last_error"] is None


@pytest.mark.parametrize(
    "given", [[], ["--cert", "a"], ["--cert", "a", "--cert", "b", "--key", "c"]]
)
def test_certificate_without_its_key_is_wrong_use(cell: Shell, given: list[str]) -> None:
    """Exit code 2, and nothing is read."""
    done = cell.call("adopt", *given)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--key" in done.stderr or "--cert" in done.stderr
