"""Who is measured. `floor.py` and `as_library.py` are scripts that run in processes of their own.

Each answers HTTP-01 in its own way, on the port where the CA asks: the floor with `http.server`
in a thread, picdns with its own listener (what it does without `picdns.caddy`), certbot with
`--standalone`, Caddy with its server. So nobody needs, or waits for, a server beside it.
"""
