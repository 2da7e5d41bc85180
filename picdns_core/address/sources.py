"""Who is asked for the public address."""

from ipaddress import ip_address
from urllib.parse import SplitResult, parse_qs, urlsplit

from msgspec import Struct

from picdns_core.address.finding import LABELS, Family
from picdns_core.errors import ConfigError
from picdns_core.settings import AddressSettings, AddressSource

_KEY = "picdns.address.sources"
_AGREEING = 2
_DNS_PORT = 53

_TRACE = "https://api.cloudflare.com/cdn-cgi/trace"
_GOOGLE = "o-o.myaddr.l.google.com?type=TXT"
_CLOUDFLARE = "whoami.cloudflare?type=TXT;class=CH"

BUILT_IN = (
    # icanhazip.com is Cloudflare's (https://major.io/p/a-new-future-for-icanhazip/); ipify.org and
    # ifconfig.co stand behind its network, which tells them who asks: the same voice again.
    AddressSource(operator="Cloudflare", url=_TRACE, form="trace"),
    AddressSource(operator="Cloudflare", url=f"dns://1.1.1.1/{_CLOUDFLARE}"),
    AddressSource(operator="Cloudflare", url=f"dns://[2606:4700:4700::1111]/{_CLOUDFLARE}"),
    AddressSource(operator="Amazon", url="https://checkip.global.api.aws/"),
    AddressSource(operator="Akamai", url="https://whatismyip.akamai.com/"),
    AddressSource(operator="ident.me", url="https://4.ident.me/", family="ipv4"),
    AddressSource(operator="ident.me", url="https://6.ident.me/", family="ipv6"),
    # resolver1.opendns.com and ns1.google.com
    AddressSource(operator="Cisco", url="dns://208.67.222.222/myip.opendns.com?type=A"),
    AddressSource(operator="Cisco", url="dns://[2620:119:35::35]/myip.opendns.com?type=AAAA"),
    AddressSource(operator="Google", url=f"dns://216.239.32.10/{_GOOGLE}"),
    AddressSource(operator="Google", url=f"dns://[2001:4860:4802:32::a]/{_GOOGLE}"),
)


class Question(Struct, frozen=True, kw_only=True):
    """A question to one name server; `server` is its IP address."""

    server: str
    port: int
    name: str
    rdtype: str
    rdclass: str


class Source(Struct, frozen=True, kw_only=True):
    """One way to ask one operator for the address of one family.

    With `question` it is asked over DNS, else over HTTPS. `server` is the IP address in the URL,
    if there is one.
    """

    operator: str
    url: str
    family: Family
    form: str
    server: str | None
    question: Question | None = None

    @property
    def proven(self) -> bool:
        """Whether a certificate proves who answers; over DNS, anybody on the way may."""
        return self.question is None


def of_family(settings: AddressSettings, family: Family) -> tuple[Source, ...]:
    """List the sources of one family; ConfigError when one is wrong or they are too few."""
    every = (_read(source, family) for source in settings.sources or BUILT_IN)
    found = tuple(source for source in every if source)
    operators = {source.operator for source in found}
    if len(operators) < _AGREEING or not any(source.proven for source in found):
        raise ConfigError(
            _KEY,
            f"has not two operators, of which one is asked over HTTPS, for {LABELS[family]}.",
            hint=f"Add sources, leave it empty, or set picdns.address.{family} to off.",
        )
    return found


def _read(source: AddressSource, family: Family) -> Source | None:
    """Return the source as it is asked for this family; None when it is of the other one."""
    try:
        parts = urlsplit(source.url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host:
        raise _wrong(source, "names no server")
    own = _family_of(host)
    if own and source.family not in (None, own):
        raise _wrong(source, f"has an address of the other family than {source.family}")
    dns = parts.scheme == "dns"
    if dns and not own:
        raise _wrong(source, "does not name the server by its IP address")
    question = _question(source, parts, host, port or _DNS_PORT) if dns else None
    if (own or source.family or family) != family:
        return None
    return Source(
        operator=source.operator,
        url=source.url,
        family=family,
        form=source.form,
        server=host if own else None,
        question=question,
    )


def _question(source: AddressSource, parts: SplitResult, server: str, port: int) -> Question:
    """Read what a `dns:` URL asks (RFC 4501); A and IN go without saying."""
    asked = parse_qs(parts.query.upper(), separator=";")
    question = Question(
        server=server,
        port=port,
        name=parts.path.lstrip("/"),
        rdtype=asked.get("TYPE", ["A"])[-1],
        rdclass=asked.get("CLASS", ["IN"])[-1],
    )
    if not question.name or question.rdtype not in ("A", "AAAA", "TXT"):
        raise _wrong(source, "asks for neither A, AAAA nor TXT of a name")
    if question.rdclass not in ("IN", "CH"):
        raise _wrong(source, "asks for another class than IN or CH")
    return question


def _family_of(host: str) -> Family | None:
    try:
        return "ipv6" if ip_address(host).version == 6 else "ipv4"  # noqa: PLR2004
    except ValueError:
        return None


def _wrong(source: AddressSource, reason: str) -> ConfigError:
    return ConfigError(
        _KEY,
        f"{source.url} {reason}.",
        hint="Give it as https://ip.example/ or dns://208.67.222.222/myip.opendns.com?type=A.",
    )
