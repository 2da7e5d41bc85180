"""`picdns init`: writes who the cell is, and nothing that is wrong."""

import json
from pathlib import Path

import pytest

from picdns_core import installed_modes

from .shell import Shell

LAN = ("init", "--cell-name", "home", "--mode", "lan")
DEMO = ("init", "--cell-name", "home", "--mode", "demo", "--domain", "home.example")
ODD = [
    "x\n}",
    "a b",
    "../../etc/passwd",
    "a{b}",
    'a"b',
    "a`b",
    "a\\b",
    "a;b",
    "*",
    "-a",
    "a/b",
    "\0",
    "{env.HOME}",
    "a" * 64,
]


def test_config_is_written_and_the_next_step_named(shell: Shell) -> None:
    """A process of its own, as it is typed."""
    done = shell.run(*LAN, "--service", "files=127.0.0.1:8080", "--service", "tv=http://tv:80")
    assert done.returncode == 0
    assert "home.cell in mode lan" in done.stdout
    assert "Next: picdns up" in done.stdout
    assert shell.config() == {
        "cell_name": "home",
        "domain_mode": "lan",
        "services": [
            {"name": "files", "upstream": "127.0.0.1:8080"},
            {"name": "tv", "upstream": "http://tv:80"},
        ],
    }


def test_json_says_mode_domain_and_file(shell: Shell) -> None:
    """With the domain as it is then, in A-labels."""
    said = shell.json(*LAN, "--domain", "Käse.Example")
    assert said == {
        "mode": "lan",
        "domain": "xn--kse-qla.example",
        "config": str(shell.config_file),
    }


def test_nothing_is_asked_and_nothing_but_the_config_is_made(shell: Shell) -> None:
    """No state, no key, no question."""
    assert shell.run(*LAN, stdin="").returncode == 0
    assert [path for path in shell.root.rglob("*") if path.is_file()] == [shell.config_file]


def test_twice_changes_nothing(shell: Shell) -> None:
    """Not even the file's time."""
    shell.call(*LAN)
    before = shell.config_file.stat()
    shell.call(*LAN)
    after = shell.config_file.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_foreign_keys_order_and_indentation_survive(shell: Shell) -> None:
    """The host's own keys are not ours to touch, in `ddns` and in services' neighbours too."""
    shell.config_file.parent.mkdir(parents=True)
    text = '{\n\t"wireguard": {"port": 51820},\n\t"cell_name": "old",\n\t"ddns": {"theirs": 1}\n}\n'
    shell.config_file.write_text(text)
    shell.call(*LAN, "--set", "mine=2")
    config = shell.config()
    assert config["wireguard"] == {"port": 51820}
    assert config["ddns"] == {"theirs": 1, "mine": 2}
    assert list(config)[:3] == ["wireguard", "cell_name", "ddns"]
    assert '\n\t"wireguard"' in shell.config_file.read_text()


def test_what_is_not_given_stays(shell: Shell) -> None:
    """Services, the domain and settings of an earlier init."""
    shell.call(*LAN, "--domain", "home.lan", "--service", "a=b:1", "--set", "picdns.caddy={}")
    shell.call("init", "--cell-name", "other", "--mode", "lan")
    config = shell.config()
    assert config["domain_name"] == "home.lan"
    assert config["services"] == [{"name": "a", "upstream": "b:1"}]
    assert config["picdns"] == {"caddy": {}}


def test_services_that_are_given_replace_those_before(shell: Shell) -> None:
    """The list is the list."""
    shell.call(*LAN, "--service", "a=b:1", "--service", "c=d:2")
    shell.call(*LAN, "--service", "c=d:3")
    assert shell.config()["services"] == [{"name": "c", "upstream": "d:3"}]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("picdns.caddy.https_port=8443", {"caddy": {"https_port": 8443}}),
        ("picdns.caddy.admin=caddy:2019", {"caddy": {"admin": "caddy:2019"}}),
        ('picdns.caddy.paths={"/a": "/b"}', {"caddy": {"paths": {"/a": "/b"}}}),
        ("picdns.caddy.probe=null", {"caddy": {"probe": None}}),
        ("picdns.acme.directory=https://ca/?a=b", {"acme": {"directory": "https://ca/?a=b"}}),
        ("picdns.files.group=1000", {"files": {"group": 1000}}),
    ],
)
def test_settings_are_json_where_they_are_json_else_text(
    shell: Shell, given: str, kept: object
) -> None:
    """A value may contain `=`; only the first one separates."""
    assert shell.call(*LAN, "--set", given).exit_code == 0
    assert shell.config()["picdns"] == kept


def test_settings_without_picdns_are_the_mode_s(shell: Shell, demo_mode: None) -> None:
    """They go to `ddns`."""
    (shell.root.parent / "token").write_text("t")
    secret = f"token=@{shell.root.parent / 'token'}"
    result = shell.call(*DEMO, "--set", "subdomain=me", "--set", "ttl=90", "--secret", secret)
    assert result.exit_code == 0
    assert shell.config()["ddns"] == {"subdomain": "me", "ttl": 90}


def test_secret_is_read_from_a_file_and_hidden(shell: Shell, demo_mode: None) -> None:
    """It is in a file of its own that only we can read, and in no output and no config."""
    file = shell.root.parent / "token"
    file.write_text("correct horse\n")
    done = shell.run(*DEMO, "--secret", f"token=@{file}")
    assert done.returncode == 0, done.stderr
    kept = shell.root / "data/api/picdns/secrets/demo/token"
    assert kept.read_text() == "correct horse"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "correct horse" not in done.stdout + done.stderr + shell.config_file.read_text()
    assert shell.run("up").returncode == 0


def test_secret_is_read_from_standard_input(shell: Shell, demo_mode: None) -> None:
    """`@-`."""
    assert shell.call(*DEMO, "--secret", "token=@-", stdin="from a pipe\n").exit_code == 0
    kept = shell.root / "data/api/picdns/secrets/demo/token"
    assert kept.read_text() == "from a pipe"


def test_secret_that_is_kept_need_not_be_given_again(shell: Shell, demo_mode: None) -> None:
    """A second init without it is fine."""
    shell.call(*DEMO, "--secret", "token=@-", stdin="t")
    assert shell.call(*DEMO).exit_code == 0


def test_missing_secret_is_named_with_the_mend(shell: Shell, demo_mode: None) -> None:
    """What it is, and how to give it; nothing is written."""
    result = shell.call(*DEMO)
    assert result.exit_code == 2
    assert "token: is missing: From its web page." in result.stderr
    assert "--secret token=@FILE" in result.stderr
    assert not shell.config_file.exists()


def test_secret_on_the_command_line_is_refused(shell: Shell, demo_mode: None) -> None:
    """Others could read it there; it is not repeated in the message."""
    result = shell.call(*DEMO, "--secret", "token=plain")
    assert result.exit_code == 2
    assert "--secret token=@FILE" in result.stderr
    assert "plain" not in result.stderr
    assert not shell.config_file.exists()


def test_secret_that_the_mode_does_not_have_is_refused(shell: Shell) -> None:
    """It says which there are."""
    result = shell.call(*LAN, "--secret", "token=@-", stdin="t")
    assert result.exit_code == 2
    assert "token: is no secret of lan." in result.stderr
    assert not shell.config_file.exists()


@pytest.mark.parametrize("file", ["nowhere", "."])
def test_secret_file_that_cannot_be_read_is_wrong_use(
    shell: Shell, demo_mode: None, tmp_path: Path, file: str
) -> None:
    """It names the file."""
    result = shell.call(*DEMO, "--secret", f"token=@{tmp_path / file}")
    assert result.exit_code == 2
    assert str(tmp_path / file) in result.stderr


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("option", ["--cell-name", "--domain", "--service"])
def test_nothing_odd_gets_into_the_config(shell: Shell, option: str, odd: str) -> None:
    """Such as could break out of a Caddyfile, a zone file or a path; nothing is written."""
    value = {"--cell-name": odd, "--domain": f"{odd}.example", "--service": f"{odd}=a:1"}[option]
    result = shell.call(*LAN, option, value, "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["error"]["type"] == "ConfigError"
    assert not shell.config_file.exists()


@pytest.mark.parametrize(
    "upstream", ["", "a", "a:b", "a:1 {", "a:1\nb", "ftp://a:1", "a:70000", "{env.X}:1", "a:1/b"]
)
def test_no_odd_upstream_gets_into_the_config(shell: Shell, upstream: str) -> None:
    """It stands in the Caddyfile, as it is."""
    result = shell.call(*LAN, "--service", f"files={upstream}")
    assert result.exit_code == 2
    assert "services[0].upstream" in result.stderr
    assert not shell.config_file.exists()


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ("picdns.acme.key_type=dsa", "picdns.acme.key_type"),
        ("picdns.acme.directory=http://ca", "picdns.acme.directory"),
        ("picdns.caddy.https_port=0", "picdns.caddy.https_port"),
        ("picdns.caddy.https_port=many", "picdns.caddy.https_port"),
        ("picdns.caddy.admin=2019", "picdns.caddy.admin"),
        ("picdns.cady.admin=a:1", "picdns.cady"),
        ("picdns.acme.email=me", "picdns.acme.email"),
        ("picdns.files.group=[]", "picdns.files.group"),
    ],
)
def test_wrong_setting_names_its_key(shell: Shell, given: str, key: str) -> None:
    """Exit code 2; nothing is written."""
    result = shell.call(*LAN, "--set", given, "--json")
    assert result.exit_code == 2
    error = json.loads(result.stdout)["error"]
    assert error["key"] == key
    assert error["hint"]
    assert not shell.config_file.exists()


@pytest.mark.parametrize("option", ["--service", "--set", "--secret"])
@pytest.mark.parametrize("text", ["alone", "=value", ""])
def test_pair_without_both_halves_is_wrong_use(shell: Shell, option: str, text: str) -> None:
    """It says which form is wanted."""
    result = shell.call(*LAN, option, text)
    assert result.exit_code == 2
    assert "KEY=VALUE" in result.stderr


def test_unknown_mode_names_those_that_are_installed(shell: Shell) -> None:
    """And how to get one."""
    result = shell.call("init", "--cell-name", "home", "--mode", "nope")
    assert result.exit_code == 2
    assert f"installed: {', '.join(installed_modes())}." in result.stderr
    assert not shell.config_file.exists()


def test_public_mode_without_a_public_domain_is_refused(shell: Shell) -> None:
    """None, and one that exists only inside."""
    for words in ((), ("--domain", "home.cell")):
        result = shell.call("init", "--cell-name", "home", "--mode", "http01", *words)
        assert result.exit_code == 2
        assert "domain_name" in result.stderr


def test_config_that_is_not_json_is_left_alone(shell: Shell) -> None:
    """The host's config is never begun anew."""
    shell.config_file.parent.mkdir(parents=True)
    shell.config_file.write_text("{broken")
    result = shell.call(*LAN)
    assert result.exit_code != 0
    assert "is not JSON" in result.stderr
    assert shell.config_file.read_text() == "{broken"


def test_directory_that_cannot_be_made_is_exit_code_1(shell: Shell) -> None:
    """A file is where a directory should be: wrong surroundings are not wrong use."""
    shell.root.mkdir()
    (shell.root / "config").write_text("")
    result = shell.call(*LAN)
    assert result.exit_code == 1
    assert "there is a file where a directory should be" in result.stderr


def test_secret_file_that_is_not_text_is_wrong_use(shell: Shell, tmp_path: Path) -> None:
    """One line, no traceback."""
    file = tmp_path / "binary"
    file.write_bytes(b"\xff\xfe")
    begin = ("init", "--cell-name", "home", "--mode", "lan")
    done = shell.call(*begin, "--secret", f"token=@{file}")
    assert done.exit_code == 2
    assert "--secret token: the file is not UTF-8 text." in done.stderr


@pytest.mark.parametrize("key", ["a..b", ".a", "picdns..email", "picdns."])
def test_setting_with_an_empty_part_is_refused(shell: Shell, key: str) -> None:
    """It would be a key that nobody finds again."""
    done = shell.call("init", "--cell-name", "home", "--mode", "lan", "--set", f"{key}=1")
    assert done.exit_code == 2
    assert f"{key}: has an empty part." in done.stderr
    assert not shell.root.exists() or not shell.config_file.exists()


def test_whole_picdns_section_can_be_given(shell: Shell) -> None:
    """As JSON."""
    given = 'picdns={"acme": {"email": "a@example.org"}}'
    done = shell.call("init", "--cell-name", "home", "--mode", "lan", "--set", given)
    assert done.exit_code == 0
    assert shell.config()["picdns"] == {"acme": {"email": "a@example.org"}}


def test_what_json_does_not_have_is_text(shell: Shell, demo_mode: None) -> None:
    """NaN would make the config unreadable to everybody else."""
    begin = ("init", "--cell-name", "home", "--mode", "lan")
    assert shell.call(*begin, "--set", "note=NaN").exit_code == 0
    assert shell.config()["ddns"] == {"note": "NaN"}


def test_key_of_the_external_account_is_taken_from_a_file(shell: Shell, tmp_path: Path) -> None:
    """It goes neither into the config nor through the process list."""
    file = tmp_path / "key"
    file.write_text("c2VjcmV0\n")
    begin = ("init", "--cell-name", "home", "--mode", "http01", "--domain", "home.test")
    given = ("--set", "picdns.acme.eab.kid=k", "--secret", f"picdns.acme.eab.hmac_key=@{file}")
    assert shell.call(*begin, *given).exit_code == 0
    kept = shell.root / "data/api/picdns/secrets/acme/eab_hmac_key"
    assert (kept.read_text(), kept.stat().st_mode & 0o777) == ("c2VjcmV0", 0o600)
    assert "c2VjcmV0" not in shell.config_file.read_text()


def test_key_that_is_set_leaves_the_config_at_once(shell: Shell) -> None:
    """And is in no repr."""
    begin = ("init", "--cell-name", "home", "--mode", "http01", "--domain", "home.test")
    given = ("--set", 'picdns.acme.eab={"kid": "k", "hmac_key": "c2VjcmV0"}')
    assert shell.call(*begin, *given).exit_code == 0
    assert "c2VjcmV0" not in shell.config_file.read_text()
    assert (shell.root / "data/api/picdns/secrets/acme/eab_hmac_key").read_text() == "c2VjcmV0"


def test_another_mode_inherits_no_setting_of_the_one_before(shell: Shell, tmp_path: Path) -> None:
    """An address that stayed would get the token of another service; so would a domain."""
    secret = tmp_path / "token"
    secret.write_text("0" * 36)
    token = ("--secret", f"token=@{secret}")
    begin = ("init", "--cell-name", "home", "--mode")
    first = shell.call(*begin, "duckdns", *token, "--set", "api_url=https://duck.example")
    again = shell.call(*begin, "duckdns", "--service", "files=127.0.0.1:1")
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert shell.config()["ddns"]["api_url"] == "https://duck.example"
    other = shell.call(*begin, "cloudflare", *token, "--domain", "home.example")
    assert (other.exit_code, shell.config()["ddns"]) == (0, {})
    back = shell.call(*begin, "duckdns")
    assert (back.exit_code, "domain_name" in shell.config()) == (0, False)


def test_what_a_service_issues_is_not_taken_from_people(shell: Shell, tmp_path: Path) -> None:
    """Another mode's secret of the same name would take its place."""
    secret = tmp_path / "secret"
    secret.write_text("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    begin = ("init", "--cell-name", "home", "--mode", "pic_ngo")
    issued = shell.root / "data/api/.ddns_token"
    issued.parent.mkdir(parents=True)
    issued.write_text("issued-by-the-service")
    refused = shell.call(*begin, "--secret", f"token=@{secret}")
    assert (refused.exit_code, "token: is no secret of pic_ngo" in refused.output) == (2, True)
    assert shell.call(*begin).exit_code == 0  # who has a token needs nothing to register
    config = shell.config() | {"ddns": {"token": "of another mode"}}
    shell.config_file.write_text(json.dumps(config))
    assert shell.call("status").exit_code == 0
    assert issued.read_text() == "issued-by-the-service"
    assert issued.stat().st_mode & 0o777 == 0o600
