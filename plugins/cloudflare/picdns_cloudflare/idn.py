"""International names: Cloudflare calls zones by U-labels, and records by A-labels (RFC 5890)."""


def to_ascii(name: str) -> str:
    """Spell a zone's name as DNS does; one that is no valid name stays as it is."""
    if name.isascii():
        return name
    import idna

    try:
        return idna.encode(name, uts46=True).decode()
    except idna.IDNAError:
        return name


def to_unicode(name: str) -> str:
    """Spell a zone's name as Cloudflare does; one that has no such form stays as it is."""
    if "xn--" not in name:
        return name
    import idna

    try:
        return idna.decode(name)
    except idna.IDNAError:
        return name
