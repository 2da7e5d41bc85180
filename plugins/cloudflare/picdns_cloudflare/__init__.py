"""The domain mode cloudflare: a wildcard certificate for a domain that Cloudflare serves."""
