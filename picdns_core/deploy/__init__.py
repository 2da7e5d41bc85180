"""What makes a certificate live: the Caddyfile, Caddy, and a look at what is served."""
