"""Caddy getting certificates by itself, from its start until all are in its storage."""

from benchmarks.arena import Arena
from benchmarks.case import Missing, Sample
from benchmarks.measure import Until, measure_orders
from picdns_core.testing import ServerMissing, programs

_CADDYFILE = """{{
	admin off
	http_port {http_port}
	https_port {https_port}
	cert_issuer acme {{
		dir {directory}
		trusted_roots {ca_bundle}
		disable_tlsalpn_challenge
	}}
}}
{sites} {{
	respond "here"
}}
"""


def run(arena: Arena, count: int) -> list[Sample]:
    """Start Caddy without any memory; each certificate's JSON is what it stores last."""
    try:
        caddy = programs.find("caddy")
    except ServerMissing as error:
        raise Missing(str(error)) from None
    folder = arena.folder()
    caddyfile = folder / "Caddyfile"
    caddyfile.write_text(
        _CADDYFILE.format(
            http_port=arena.net.http_port,
            https_port=arena.net.https_port,
            directory=arena.pebble.directory,
            ca_bundle=arena.pebble.ca_bundle,
            sites=", ".join(arena.names(count)),
        )
    )
    command = [str(caddy), "run", "--config", str(caddyfile), "--adapter", "caddyfile"]
    home = {"HOME": folder, "XDG_DATA_HOME": folder / "data", "XDG_CONFIG_HOME": folder / "config"}
    until = Until(folder / "data" / "caddy" / "certificates", ".json", count)
    environment = arena.environment(**home)
    return [measure_orders(arena, command, environment, folder, count=count, until=until)]
