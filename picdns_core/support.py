"""What a helper needs to know of a cell, in one archive: no key, no token, nothing of the host's.

It has what picdns itself wrote and what it found; of the config only what is ours. Whatever is kept
as a secret is masked wherever it may stand, by its value.
"""

from __future__ import annotations

import io
import platform
import re
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from picdns_core import config
from picdns_core.clock import Clock
from picdns_core.deploy import originals
from picdns_core.deploy.caddyfile import MARK as CADDY_MARK
from picdns_core.deploy.corefile import MARK as CORE_MARK
from picdns_core.installed import installed_modes
from picdns_core.secret import Secret, redact
from picdns_core.store import ModeSecrets

if TYPE_CHECKING:
    from picdns_core.doctor import Diagnosis
    from picdns_core.job import Job
    from picdns_core.workshop import Workshop

_OURS = ("cell_name", "domain_mode", "domain_name", "services")
_USERINFO = re.compile(r"(?<=://)[^/@\s\"]+@")
_EDITED = "It was edited by hand, or is somebody else's, so it is left out.\n"
_README = """What picdns knows of a cell, for whoever helps.

It has domain names, public addresses and the names of services. It has no key, no token and no
password; of the host's config only what picdns uses, of generated files those that nobody edited.
"""
_SHORTEST_LINE = 20


def bundle(workshop: Workshop, diagnosis: Diagnosis) -> bytes:
    """Return the archive, tar.gz; a part that cannot be had says why."""
    with suppress(Exception):
        _learn_secrets(workshop)
    parts: dict[str, Callable[[], str]] = {
        "README.txt": lambda: _README,
        "versions.json": lambda: _json(_versions()),
        "doctor.json": lambda: _json(diagnosis),
        "config.json": lambda: _json(_config(workshop)),
        "status.json": lambda: _json(_status(workshop)),
        "files.txt": lambda: "\n".join(_files(workshop)),
        "Caddyfile": lambda: _caddyfile(workshop),
        "Corefile": lambda: _corefile(workshop),
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, part in parts.items():
            _add(archive, name, _masked(part))
    return packed.getvalue()


def _masked(part: Callable[[], str]) -> str:
    try:
        text = part()
    except Exception as error:  # noqa: BLE001 - the other parts are wanted all the same
        text = f"This could not be had: {type(error).__name__}: {error}\n"
    return _USERINFO.sub("***@", redact(text))


def _learn_secrets(workshop: Workshop) -> None:
    """Have everything that is kept as a secret masked: whole, and each line of a key."""
    store = workshop.store()
    keys = [*store.keys("secrets"), *store.keys("accounts"), *store.keys("certs")]
    for key in keys:
        if key.startswith("secrets/") or key.endswith("privkey.pem"):
            text = (store.get(key) or b"").decode(errors="replace").strip()
            for secret in (text, *(one for one in text.splitlines() if _is_of_a_key(one))):
                Secret(secret)
    for mode in installed_modes():
        with suppress(Exception):  # one that is broken is in the versions, and no more
            fields = workshop.opener.load(mode).mode.secrets
            kept = ModeSecrets(store, workshop.root, mode, fields)
            for field in fields:
                kept.get(field.name)  # a Secret is masked as soon as it was read


def _is_of_a_key(line: str) -> bool:
    return len(line) >= _SHORTEST_LINE and not line.startswith("-----")


def _versions() -> dict[str, Any]:
    wanted = {"acme", "cryptography", "dnspython", "flask", "msgspec", "pluggy", "requests"}
    found = {one.name.lower(): one.version for one in distributions() if one.name}
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "modes": installed_modes(),
        "distributions": {
            name: version
            for name, version in sorted(found.items())
            if name in wanted or name.startswith("picdns")
        },
    }


def _config(workshop: Workshop) -> dict[str, Any]:
    """Return what is ours of the config: settings that we know, and nothing that may be secret."""
    raw = workshop.opener.source.read()
    shown = {key: raw[key] for key in _OURS if key in raw}
    mode = workshop.opener.load(config.mode_name(raw)).mode
    secrets = {one.name for one in mode.secrets}
    known = {one.encode_name for one in msgspec.structs.fields(mode.settings)} | {"subdomain"}
    ddns = raw.get("ddns", {})
    shown["ddns"] = {key: ddns[key] for key in ddns if key in known - secrets}
    shown["ddns_keys_left_out"] = sorted(key for key in ddns if key not in known - secrets)
    picdns = msgspec.to_builtins(config.read_settings(raw))
    if picdns["acme"].get("email"):
        picdns["acme"]["email"] = "***"
    return shown | {"picdns": picdns}


def _status(workshop: Workshop) -> object:
    from picdns_core.status import look

    return look(_job(workshop))


def _files(workshop: Workshop) -> Iterator[str]:
    """List our state: mode, owner, size and name of each file."""
    base = getattr(workshop.store(), "base", None)
    if base is None:
        yield "The host keeps the state itself."
        return
    for path in sorted(base.rglob("*")):
        found = path.lstat()
        where = path.relative_to(base)
        yield f"{found.st_mode:6o} {found.st_uid:5} {found.st_gid:5} {found.st_size:8} {where}"


def _caddyfile(workshop: Workshop) -> str:
    caddy = _job(workshop).picdns.caddy
    if caddy is None:
        return "No Caddy is configured.\n"
    return _generated(workshop.root / (caddy.snippets or caddy.caddyfile), CADDY_MARK)


def _corefile(workshop: Workshop) -> str:
    coredns = _job(workshop).picdns.coredns
    if coredns is None:
        return "No CoreDNS is configured.\n"
    return _generated(workshop.root / coredns.corefile, CORE_MARK)


def _generated(path: Path, mark: str) -> str:
    if not path.exists():
        return "It is not written yet.\n"
    return path.read_text(errors="replace") if originals.is_untouched(path, mark) else _EDITED


def _job(workshop: Workshop) -> Job:
    return workshop.open_in_force(Clock.of_host()) or workshop.open()


def _json(data: object) -> str:
    encoded = msgspec.json.encode(data, enc_hook=str)
    return msgspec.json.format(encoded, indent=2).decode() + "\n"


def _add(archive: tarfile.TarFile, name: str, text: str) -> None:
    data = text.encode()
    member = tarfile.TarInfo(f"picdns-support/{name}")
    member.size, member.mode, member.mtime = len(data), 0o600, int(time.time())
    archive.addfile(member, io.BytesIO(data))
