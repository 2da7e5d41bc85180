"""The domain mode lan: certificates from the cell's own CA."""
