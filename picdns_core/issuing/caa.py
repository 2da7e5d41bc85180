"""Whether CAA records let the CA issue, asked before it is (RFC 8659, RFC 8657)."""

import re
from collections.abc import Collection, Iterable

from picdns_core.errors import OrderRefused, ProviderUnavailable
from picdns_core.lookup import Caa, Lookup

_CRITICAL = 128
_KNOWN_TAGS = {"issue", "issuewild", "iodef", "issuemail"}  # as Let's Encrypt's CA knows them
_WSP = " \t"
_LABEL = r"[A-Za-z0-9](?:-*[A-Za-z0-9])*"
_ISSUER = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*)?")
_PARAMETER = re.compile(rf"({_LABEL})[ \t]*=[ \t]*([\x21-\x3a\x3c-\x7e]*)")


def check_caa(
    lookup: Lookup,
    names: Iterable[str],
    identities: Collection[str],
    account_url: str,
    challenge_type: str,
) -> None:
    """Raise OrderRefused when a CAA record forbids the CA to issue for one of the names.

    `identities` are the CA's own names (`caaIdentities` in its directory); where it tells none,
    nothing can be checked. Where DNS does not answer it is said, and the CA looks itself.
    """
    if not identities:
        return
    bases: dict[str, set[bool]] = {}
    for name in names:
        bases.setdefault(name.removeprefix("*."), set()).add(name.startswith("*."))
    for base, wildcards in bases.items():
        try:
            records = lookup.caa(base)
        except ProviderUnavailable as error:
            lookup.warn(f"CAA is not checked here, the CA looks itself: {error.message}", base)
            continue
        for wildcard in sorted(wildcards):
            name = f"*.{base}" if wildcard else base
            _check(name, records, identities, account_url, challenge_type, wildcard=wildcard)


def _check(
    name: str,
    records: tuple[Caa, ...],
    identities: Collection[str],
    account_url: str,
    challenge_type: str,
    *,
    wildcard: bool,
) -> None:
    for record in records:
        if record.flags & _CRITICAL and record.tag.lower() not in _KNOWN_TAGS:
            raise OrderRefused(
                f"{name}: the CAA record `{record}` is marked as critical, and no CA that does not "
                "know its tag may issue. No order was sent; what is served stays so.",
                hint=f"Whoever manages the DNS of {record.name} has set it: remove it there, or "
                "set its flags to 0.",
            )
    relevant = _relevant(records, wildcard=wildcard)
    if not relevant or any(
        _permits(record.value, identities, account_url, challenge_type) for record in relevant
    ):
        return
    first = relevant[0]
    identity = min(identities)
    standing = ", ".join(f"`{record}`" for record in relevant)
    raise OrderRefused(
        f"{name}: CAA does not let {identity} issue by {challenge_type} for this account: "
        f"{standing}. No order was sent; what is served stays so.",
        hint=f"Whoever manages the DNS of {first.name} has set this. Add there: "
        f'{first.name}. CAA 0 {first.tag.lower()} "{identity}"',
    )


def _relevant(records: tuple[Caa, ...], *, wildcard: bool) -> tuple[Caa, ...]:
    """Return the records that decide (RFC 8659, sections 4.2 and 4.3)."""
    tagged = {
        tag: tuple(record for record in records if record.tag.lower() == tag)
        for tag in ("issue", "issuewild")
    }
    return (wildcard and tagged["issuewild"]) or tagged["issue"]


def _permits(
    value: str, identities: Collection[str], account_url: str, challenge_type: str
) -> bool:
    """Tell whether this value names the CA, and us to it; a malformed value names nobody."""
    issuer, *rest = (part.strip(_WSP) for part in value.split(";"))
    if not _ISSUER.fullmatch(issuer) or issuer.lower() not in {one.lower() for one in identities}:
        return False
    parameters: dict[str, str] = {}
    for part in [] if rest == [""] else rest:
        found = _PARAMETER.fullmatch(part)
        if not found or found[1].lower() in parameters:
            return False
        parameters[found[1].lower()] = found[2]
    methods = parameters.get("validationmethods", challenge_type)
    return parameters.get(
        "accounturi", account_url
    ) == account_url and challenge_type in methods.split(",")
