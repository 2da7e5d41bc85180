"""cell_config.json as a file that others own too: what they wrote stays, as they wrote it."""

import copy
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from picdns_core import ConfigError, Runner, Service, StoreError, setup
from picdns_core.store import ConfigFile

FOREIGN = {
    "vpn": {"peers": [{"name": "phone", "key": "…"}], "port": 51820, "on": True},
    "ui": {"theme": "dunkel", "title": "Zuhause bei Zoë 🏠", "path": "c:\\users/zoë", "none": None},
    "cell_name": "home",
    "numbers": [1, 1.5, -0.25, 12345678901234567890, 1e-9],
    "empty": [{}, [], ""],
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The place of the config, with nothing there yet."""
    path = tmp_path / "config/api/cell_config.json"
    path.parent.mkdir(parents=True)
    return path


@pytest.fixture
def source(tmp_path: Path, file: Path) -> ConfigFile:
    """The config of that directory."""
    return ConfigFile(tmp_path)


def put(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(config: dict[str, Any]) -> None:
        config[key] = value

    return change


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("indent", [None, 1, 2, 4, 8, "\t"])
def test_what_others_wrote_stays_as_they_wrote_it(
    source: ConfigFile, file: Path, indent: int | str | None, *, ascii_only: bool, end: str
) -> None:
    """Keys, their order, indentation, escapes and the end of the file survive a change."""

    def text(config: object) -> str:
        return json.dumps(config, indent=indent, ensure_ascii=ascii_only) + end

    file.write_text(text(FOREIGN), encoding="utf-8")
    source.update(put("domain_mode", "lan"))
    assert file.read_text(encoding="utf-8") == text({**FOREIGN, "domain_mode": "lan"})


def test_a_key_that_changes_keeps_its_place(source: ConfigFile, file: Path) -> None:
    """Only the value changes, so that a diff shows one line."""
    file.write_text(json.dumps(FOREIGN, indent=2))
    source.update(put("cell_name", "hut"))
    assert file.read_text() == json.dumps(FOREIGN, indent=2).replace('"home"', '"hut"')


def test_an_unchanged_config_is_not_rewritten(source: ConfigFile, file: Path) -> None:
    """Whoever watches the file sees nothing when there is nothing to see."""
    file.write_text('{ "cell_name" : "home",\n\n"a":1 }')
    before = file.stat()
    source.update(put("cell_name", "home"))
    source.update(lambda _: None)
    after = file.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_change_that_fails_changes_nothing(source: ConfigFile, file: Path) -> None:
    """What was edited before the error is not kept."""
    file.write_text('{"cell_name": "home"}')

    def change(config: dict[str, Any]) -> None:
        config.clear()
        raise KeyError("domain_name")

    with pytest.raises(KeyError):
        source.update(change)
    assert file.read_text() == '{"cell_name": "home"}'
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o664])
def test_the_mode_of_the_file_is_kept(source: ConfigFile, file: Path, mode: int) -> None:
    """Who could read the config still can, and nobody else."""
    file.write_text("{}")
    file.chmod(mode)
    source.update(put("cell_name", "home"))
    assert file.stat().st_mode & 0o7777 == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_owner_of_the_file_is_kept(source: ConfigFile, file: Path) -> None:
    """Written by root, the file still belongs to the user of the host."""
    file.write_text("{}")
    os.chown(file, 12345, 54321)
    source.update(put("cell_name", "home"))
    assert (file.stat().st_uid, file.stat().st_gid) == (12345, 54321)


def test_a_new_file_is_private_and_readable(source: ConfigFile, file: Path) -> None:
    """Where there was none, one appears that only we can read, indented for people."""
    source.update(put("cell_name", "home"))
    assert file.read_text() == '{\n  "cell_name": "home"\n}\n'
    assert file.stat().st_mode & 0o7777 == 0o600


def test_the_directories_of_a_new_file_are_made(tmp_path: Path) -> None:
    """The first file brings its directories with it, open to those who share them."""
    ConfigFile(tmp_path / "fresh").update(put("cell_name", "home"))
    folder = tmp_path / "fresh/config/api"
    assert folder.stat().st_mode & 0o7777 == 0o755
    assert ConfigFile(tmp_path / "fresh").read() == {"cell_name": "home"}


@pytest.mark.parametrize("relative", [True, False])
def test_a_link_is_followed(
    source: ConfigFile, file: Path, tmp_path: Path, *, relative: bool
) -> None:
    """The file it names changes, and the link stays."""
    target = tmp_path / "elsewhere.json"
    target.write_text('{"a": 1}')
    file.symlink_to(Path("../../elsewhere.json") if relative else target)
    source.update(put("b", 2))
    assert file.is_symlink()
    assert target.read_text() == '{"a": 1, "b": 2}'


def test_no_config_is_an_error_that_says_what_to_do(source: ConfigFile, file: Path) -> None:
    """Reading what is not there names the file and the command that makes it."""
    with pytest.raises(ConfigError, match="does not exist") as caught:
        source.read()
    assert str(file) in caught.value.message
    assert "picdns init" in caught.value.hint


@pytest.mark.parametrize("content", [b"{", b"[]", b"", b'{"a": "\xff"}', b"\xff\xfe{\x00}\x00"])
def test_a_config_that_is_damaged_is_not_overwritten(
    source: ConfigFile, file: Path, content: bytes
) -> None:
    """An update of what cannot be read is refused, and every byte stays."""
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="is not") as caught:
        source.update(put("cell_name", "home"))
    assert str(file) in caught.value.message
    assert file.read_bytes() == content


def test_a_directory_in_the_place_of_the_file_is_said(source: ConfigFile, file: Path) -> None:
    """A mount that went wrong leaves a directory, and the message says so."""
    file.mkdir()
    with pytest.raises(StoreError, match="there is a directory where a file should be") as caught:
        source.update(put("cell_name", "home"))
    assert caught.value.hint


COUNT = """
import sys
from pathlib import Path
from picdns_core.store import ConfigFile

source = ConfigFile(Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    def change(config):
        config[f"{sys.argv[2]}-{number}"] = number
        config["total"] += 1
    source.update(change)
"""


def test_two_processes_lose_nothing(source: ConfigFile, file: Path, tmp_path: Path) -> None:
    """Updates from two processes and two threads at once all arrive."""
    file.write_text('{"total": 0}')
    arguments = [str(tmp_path), "40"]
    children = [
        subprocess.Popen([sys.executable, "-c", COUNT, arguments[0], name, arguments[1]])
        for name in ("one", "two")
    ]

    def count(name: str) -> None:
        def change(config: dict[str, Any]) -> None:
            config[name] = config.get(name, 0) + 1
            config["total"] += 1

        for _ in range(40):
            source.update(change)

    threads = [threading.Thread(target=count, args=(name,)) for name in ("three", "four")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [child.wait(30) for child in children] == [0, 0]
    found = json.loads(file.read_text())
    assert (found["total"], found["three"], found["four"]) == (160, 40, 40)
    assert len(found) == 1 + 2 + 80


def test_a_reader_never_sees_half_a_file(source: ConfigFile, file: Path) -> None:
    """While somebody writes, everybody else reads the old config or the new one."""
    big = {"cell_name": "home", "filling": ["x" * 100] * 500}
    file.write_text(json.dumps(big))
    done = threading.Event()
    problems: list[str] = []

    def read() -> None:
        while not done.is_set():
            try:
                source.read()
            except ConfigError as error:
                problems.append(str(error))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(30):
        source.update(put("number", number))
    done.set()
    reader.join()
    assert problems == []
    assert source.read() == {**big, "number": 29}


class HostManager:
    """A host's own config manager: reads the file once, keeps it, and rewrites all of it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.RLock()
        self._cache: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}

    def set(self, key: str, value: Any) -> None:
        with self._lock:
            self._cache[key] = value
            self._save()

    def read(self) -> Mapping[str, Any]:
        with self._lock:
            return self._cache

    def update(self, change: Callable[[dict[str, Any]], None]) -> None:
        with self._lock:
            newest = copy.deepcopy(self._cache)
            change(newest)
            if newest != self._cache:
                self._cache = newest
                self._save()

    def _save(self) -> None:
        self._file.write_text(json.dumps(self._cache, indent=4))


def test_a_host_that_caches_the_config_loses_nothing_and_nor_do_we(
    tmp_path: Path, file: Path
) -> None:
    """The host's manager and picdns take turns on one file, and each finds all of it."""
    host = HostManager(file)
    host.set("theme", "dark")
    setup.init(
        tmp_path,
        host,
        cell_name="home",
        mode_name="lan",
        services=[Service(name="files", upstream="127.0.0.1:8080")],
    )
    host.set("vpn", {"port": 51820})
    runner = Runner(tmp_path, config=host)
    first = runner.up()
    host.set("picdns", {"acme": {"eab": {"kid": "a", "hmac_key": "to be moved"}}})
    second = runner.up()
    host.set("language", "de")
    assert json.loads(file.read_text()) == {
        "theme": "dark",
        "cell_name": "home",
        "domain_mode": "lan",
        "services": [{"name": "files", "upstream": "127.0.0.1:8080"}],
        "vpn": {"port": 51820},
        "picdns": {"acme": {"eab": {"kid": "a"}}},
        "language": "de",
    }
    assert first.issued == (("home.cell", "*.home.cell"), ("files.cell",))
    assert (second.issued, second.failed) == ((), ())


def test_the_hosts_cache_is_what_counts(tmp_path: Path, file: Path) -> None:
    """With a manager of the host's, nobody reads or writes the file behind its back."""
    host = HostManager(file)
    setup.init(tmp_path, host, cell_name="home", mode_name="lan")
    file.write_text("{ not written by the host")
    before = file.stat()
    Runner(tmp_path, config=host).up()
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_what_the_host_keeps_is_not_changed_by_reading(tmp_path: Path, file: Path) -> None:
    """The host may hand out its own dict: it comes back as it was."""
    host = HostManager(file)
    setup.init(tmp_path, host, cell_name="Home", mode_name="lan")
    before = copy.deepcopy(host.read())
    Runner(tmp_path, config=host).up()
    Runner(tmp_path, config=host).refresh()
    assert host.read() == before


def test_host_and_runner_at_the_same_time_lose_nothing(tmp_path: Path, file: Path) -> None:
    """While the host keeps writing, picdns moves a secret; both changes stay."""
    host = HostManager(file)
    setup.init(tmp_path, host, cell_name="home", mode_name="lan")
    done = threading.Event()
    written: list[str] = []

    def write() -> None:
        while not done.is_set():
            written.append(f"key-{len(written)}")
            host.set(written[-1], "written")

    writer = threading.Thread(target=write)
    writer.start()
    for number in range(5):
        host.set("picdns", {"acme": {"eab": {"kid": str(number), "hmac_key": "moved"}}})
        Runner(tmp_path, config=host).up()
        assert host.read()["picdns"] == {"acme": {"eab": {"kid": str(number)}}}
    done.set()
    writer.join()
    config = json.loads(file.read_text())
    assert [key for key in written if not config.get(key)] == []
    assert config["domain_mode"] == "lan"
    assert "hmac_key" not in file.read_text()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{\r\n  "a": 1\r\n}\r\n', '{\r\n  "a": 2\r\n}\r\n'),
        ('\n{\n\n    "a": 1\n}', '{\n    "a": 2\n}'),
        ('{\n"a": 1\n}\n', '{\n"a": 2\n}\n'),
    ],
)
def test_line_ends_and_odd_layouts_survive(
    source: ConfigFile, file: Path, before: str, after: str
) -> None:
    """A file that came from another system is still one line per key."""
    file.write_bytes(before.encode())
    source.update(put("a", 2))
    assert file.read_bytes().decode() == after


def test_a_number_that_becomes_a_truth_value_is_written(source: ConfigFile, file: Path) -> None:
    """Python takes 1 and true as equal, JSON does not."""
    file.write_text('{"on": 1}')
    source.update(put("on", value=True))
    assert file.read_text() == '{"on": true}'
