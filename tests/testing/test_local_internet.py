"""The local internet as a whole: nothing is left of it, whatever happened."""

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from picdns_core.testing import LocalInternet, Loopback, ServerFailed, Unbound
from picdns_core.testing.process import wait_until

# The fixture knows what to do where a server is missing.
pytestmark = pytest.mark.usefixtures("local_internet")


def runs(pid: int) -> bool:
    """Tell whether a process is there, a dead one that nobody waits for not counting."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


def test_nothing_is_left_of_it() -> None:
    """At the end no process runs, no thread waits, and the directory is gone."""
    threads = threading.active_count()
    with LocalInternet() as net:
        net.start()
        net.zone("left.test", servers=2)
        net.backend("one")
        net.forward_proxy()
        servers = [net.pebble, net.unbound, net.caddy(), net.new_pebble()]
        servers += [server for zone in net.zones for server in zone.servers]
        pids = [server.pid for server in servers if server.pid]
        assert len(pids) == len(servers) == 9
        home = net.home
    assert not any(map(runs, pids))
    assert not home.exists()
    assert threading.active_count() <= threads + 1  # The one that starts all servers stays.
    net.close()


def test_an_error_inside_leaves_nothing_either() -> None:
    """An exception in the body passes through, and everything is stopped all the same."""
    pids = []

    def break_off() -> None:
        with LocalInternet() as net:
            pids.append(net.zone().servers[0].pid or 0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert not runs(*pids)


def test_a_killed_harness_leaves_no_server() -> None:
    """Even a harness that is killed takes its servers with it."""
    script = (
        "import time\nfrom picdns_core.testing import LocalInternet\n"
        "net = LocalInternet().start()\n"
        "print(net.pebble.pid, net.unbound.pid, net.home, flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as harness:
        assert harness.stdout
        pebble, unbound, home = harness.stdout.readline().split()
        harness.send_signal(signal.SIGKILL)
    assert wait_until(lambda: not runs(int(pebble)) and not runs(int(unbound)), 5)
    for path in sorted(Path(os.fsdecode(home)).rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    Path(os.fsdecode(home)).rmdir()


def test_two_do_not_meet() -> None:
    """Two of them side by side have nothing in common, and both work."""
    with LocalInternet() as one, LocalInternet() as other:
        one.zone().set("www", "A", "127.0.0.1")
        other.zone().set("www", "A", "127.0.0.2")
        assert one.zone().records()["www", "A"] == {"127.0.0.1"}
        assert not set(one.roots) & set(other.roots)
        ports = {
            port for net in (one, other) for port in (net.http_port, net.https_port, net.dns_port)
        }
        assert len(ports) == 6


def test_asking_is_starting() -> None:
    """Nothing runs before it is asked for, and the same question gives the same server."""
    with LocalInternet() as net:
        assert net.zones == ()
        assert net.zone() is net.zone("home.test.")
        assert net.pebble is net.pebble
        assert net.unbound is net.unbound


def test_several_threads_get_one() -> None:
    """Whoever asks first starts it; all others wait and get the same."""
    with LocalInternet() as net:
        got: list[object] = []
        threads = [threading.Thread(target=lambda: got.append(net.pebble)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert got == [net.pebble] * 4


def test_ports_are_claimed_once() -> None:
    """A port is nobody else's until it is given back, and can be listened on."""
    with Loopback() as one, Loopback() as other:
        ports = [loopback.port() for loopback in (one, other) for _ in range(20)]
        assert len(set(ports)) == 40
        with socket.create_server(("127.0.0.1", ports[0])):
            pass
        assert one.network() != other.network()


def test_a_server_without_its_port_says_so(tmp_path: Path) -> None:
    """A server that cannot listen is not waited for; the error ends with its own words."""
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(ServerFailed, match=r"(?s)unbound ended early.*ddress already in use"),
        Unbound("127.0.0.1", taken.getsockname()[1], parent=tmp_path),
    ):
        pass
    assert not list(tmp_path.iterdir())


def test_a_server_is_not_started_twice() -> None:
    """Starting what runs is an error, stopping what does not run is none."""
    with LocalInternet() as net:
        server = net.zone().servers[0]
        with pytest.raises(ServerFailed, match="runs already"):
            server.start()
        server.stop()
        server.stop()
        assert server.pid is None
        assert server.start().pid
