"""The domain mode duckdns: a wildcard certificate for a name at duckdns.org."""
