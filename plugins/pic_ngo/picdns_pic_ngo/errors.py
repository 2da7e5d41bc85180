"""What can go wrong at ddns.pic.ngo, in words, and what to do about it."""

from collections.abc import Iterator
from contextlib import contextmanager

from picdns_core import (
    AuthenticationFailed,
    ConfigError,
    ForeignName,
    NameTaken,
    PicdnsError,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
)

_FILE = "data/api/.ddns_token"
_STAYS = "What is served stays so."
_SET_IT = "Set the one that came with your cell: `picdns init --secret totp_secret=@FILE`."


class Signal(Exception):
    """An answer that our own code acts on; `error` is what is told where nothing more is done."""

    def __init__(self, error: PicdnsError) -> None:
        super().__init__(error)
        self.error = error


class TokenRejected(Signal):
    """The service does not know the token: it was given up, or the service lost its database."""

    def __init__(self, name: str) -> None:
        super().__init__(
            AuthenticationFailed(
                f"ddns.pic.ngo does not know the token of {name}.pic.ngo. {_STAYS}",
                hint="Run `picdns up`: it registers the name anew.",
            )
        )


class OtherName(Signal):
    """The token is good, and opens `name` instead of the one that was asked for."""

    def __init__(self, asked: str, name: str) -> None:
        super().__init__(
            ForeignName(
                f"The token in {_FILE} is for {name}.pic.ngo and not for {asked}.pic.ngo. "
                f"Nothing was changed. {_STAYS}",
                hint="Run `picdns up`: it registers the new name and gives the old one up.",
            )
        )
        self.name = name


class KeyReused(Signal):
    """The idempotency key belongs to another name, or to a registration that was given up."""

    def __init__(self, name: str) -> None:
        super().__init__(
            ProviderError(
                f"ddns.pic.ngo has seen the key for registering {name}.pic.ngo before. {_STAYS}",
                hint="Run `picdns up` again: it makes a new one.",
            )
        )


class CodeRejected(Signal):
    """The TOTP code is not valid now."""

    def __init__(self, name: str) -> None:
        super().__init__(
            AuthenticationFailed(
                "ddns.pic.ngo refuses the TOTP code although this host's clock is right: "
                f"the TOTP secret is wrong. {name}.pic.ngo was not registered. {_STAYS}",
                hint=_SET_IT,
            )
        )


class CodeUsed(Signal):
    """The TOTP code was used for this name; the next one comes in `wait` seconds."""

    def __init__(self, name: str, wait: float) -> None:
        super().__init__(
            RateLimited(
                f"The TOTP code of this half minute was used for {name}.pic.ngo before; the next "
                f"one comes in {wait:.0f} s. Nothing was changed. {_STAYS}",
                retry_after=wait,
                hint="Try again then.",
            )
        )


@contextmanager
def told() -> Iterator[None]:
    """Turn a signal that nothing was done about into its error, on the way out."""
    try:
        yield
    except Signal as signal:
        raise signal.error from None


def taken(name: str) -> NameTaken:
    """Say that another cell has the name."""
    return NameTaken(
        f"{name}.pic.ngo is taken: another cell has it. Nothing was changed. {_STAYS}",
        hint="Choose another cell_name. If the name is yours from an earlier installation, put "
        f"its {_FILE} back from the backup.",
    )


def reserved(name: str) -> NameTaken:
    """Say that nobody can have the name."""
    return NameTaken(
        f"{name}.pic.ngo is reserved for the service. Nothing was changed. {_STAYS}",
        hint="Choose another cell_name.",
    )


def limited(wait: float | None) -> RateLimited:
    """Say how long the service wants us to wait, where it says so."""
    return RateLimited(
        f"ddns.pic.ngo asks to wait{_seconds(wait)}. Nothing was changed. {_STAYS}",
        retry_after=wait,
        hint="Try again later.",
    )


def unavailable(why: str, wait: float | None = None) -> ProviderUnavailable:
    """Say that the service is down, unreachable or does not answer as itself."""
    asks = f" and asks to wait{_seconds(wait)}" if wait else ""
    return ProviderUnavailable(
        f"ddns.pic.ngo does not work just now: {why}{asks}. {_STAYS}",
        hint="Try again later. If it lasts, see what stands between this server and "
        "the internet, and whether its clock is right.",
    )


def unauthorized(said: str) -> AuthenticationFailed:
    """Say that the service refuses the credentials, for a reason that we do not know."""
    return AuthenticationFailed(
        f"ddns.pic.ngo does not let this cell in. {_STAYS} It says: {said}",
        hint="Its own words above say why.",
    )


def refused(said: str) -> ProviderError:
    """Say that the service refuses the request, in its own words."""
    return ProviderError(
        f"ddns.pic.ngo refuses what it was asked for. {_STAYS} It says: {said}",
        hint="Its own words above say why. If it is not about the name, check ddns.api_url.",
    )


def crowded(name: str) -> ProviderError:
    """Say that there is no room for one more challenge value."""
    return ProviderError(
        f"_acme-challenge.{name}.pic.ngo has as many values as it can hold. {_STAYS}",
        hint="Other certificates of this name may be under way: try again when they are done. If "
        "it lasts, values of a lost installation are left: `picdns teardown` removes them.",
    )


def not_global(address: str) -> ProviderError:
    """Say that an address is none of the internet's."""
    return ProviderError(
        f"ddns.pic.ngo does not publish {address}: it is not reachable from the internet. "
        f"Nothing was changed. {_STAYS}",
        hint="Behind carrier-grade NAT there is no public IPv4 address: ask your provider for one.",
    )


def malformed_token() -> AuthenticationFailed:
    """Say that the file of the token holds something else; a new one would lose the name."""
    return AuthenticationFailed(
        f"{_FILE} does not hold a token. Nothing was sent. {_STAYS}",
        hint="Restore it from a backup. If there is none, move the file away and choose another "
        "cell_name: without its token the name cannot be had again.",
    )


def no_token(name: str) -> AuthenticationFailed:
    """Say that nothing can be published; registering is for `picdns up` alone."""
    return AuthenticationFailed(
        f"There is no token of {name}.pic.ngo in {_FILE}. Nothing was changed. {_STAYS}",
        hint="If the name was given back, run `picdns up` to have it again. If the file was lost, "
        "restore it from a backup.",
    )


def lost_token(name: str) -> AuthenticationFailed:
    """Say that a name is still registered that nobody can give back."""
    return AuthenticationFailed(
        f"The token of {name}.pic.ngo is gone, so {name}.pic.ngo cannot be given back and stays "
        f"registered. {_STAYS}",
        hint=f"Restore {_FILE} from a backup, then run `picdns teardown` again.",
    )


def missing_secret() -> ConfigError:
    """Say that nothing can be registered without the TOTP secret."""
    return ConfigError("ddns.totp_secret", f"the TOTP secret is missing. {_STAYS}", hint=_SET_IT)


def malformed_secret() -> ConfigError:
    """Say that the TOTP secret cannot be one."""
    return ConfigError(
        "ddns.totp_secret", f"it is not base32 of 23 characters or more. {_STAYS}", hint=_SET_IT
    )


def not_below(domain: str) -> ConfigError:
    """Say that the service gives no such name."""
    return ConfigError(
        "domain_name",
        f"{domain} is not a name that ddns.pic.ngo gives: one label of 3 to 63 characters and "
        ".pic.ngo.",
        hint="Remove domain_name and choose a cell_name of that length, or another domain_mode.",
    )


def foreign(record: str, own: str) -> ForeignName:
    """Say that a TXT value belongs elsewhere than where we can write."""
    return ForeignName(
        f"ddns.pic.ngo lets this cell write to {own} only, and not to {record}.",
        hint="Remove the CNAME that leads there.",
    )


def _seconds(wait: float | None) -> str:
    return f" {wait:.0f} s" if wait else ""
