"""picdns beside certbot, Caddy and a bare script, on one machine in one run; see `__main__`."""
