"""The domain mode http01: one public certificate per service, over HTTP-01."""
