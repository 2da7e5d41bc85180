"""The domain mode pic_ngo: a name at pic.ngo, and a wildcard certificate for it."""
