"""Every error picdns raises; the type says whether trying again can help."""

from typing import ClassVar

from picdns_core.secret import one_line


class PicdnsError(Exception):
    """Root of all errors of picdns.

    `message` says what happened and what still works, `hint` what to do about it.
    `retryable` is true when the same call may succeed later without anybody mending anything.
    """

    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        self.message = one_line(message)
        self.hint = one_line(hint)
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class ConfigError(PicdnsError):
    """A setting is missing or wrong; `key` is its dotted path in cell_config.json."""

    def __init__(self, key: str, message: str, *, hint: str = "") -> None:
        super().__init__(f"{key}: {message}" if key else message, hint=hint)
        self.key = key


class StoreError(PicdnsError):
    """State could not be read or written: disk full, no permission, a newer version's file."""


class DamagedState(StoreError):
    """A file of ours is not what we wrote; what it was about can be had anew."""


class PluginError(PicdnsError):
    """A provider or observer breaks the contract; `distribution` is the package to mend."""

    def __init__(self, distribution: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.distribution = distribution


class ProviderError(PicdnsError):
    """The service behind the domain mode, or the CA, did not do what was asked."""


class AuthenticationFailed(ProviderError):
    """The credentials were understood and refused."""


class NameTaken(ProviderError):
    """Somebody else holds the name."""


class ForeignName(ProviderError):
    """The name is in no zone that these credentials can write to."""


class AddressDisputed(ProviderError):
    """Another cell or client publishes its own address at this cell's name, again and again."""


class RateLimited(ProviderError):
    """Too many requests; `retry_after` is in seconds, None when the service did not say."""

    retryable = True

    def __init__(self, message: str, *, retry_after: float | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class ProviderUnavailable(ProviderError):
    """The service, or the CA, is down, unreachable or answers nonsense.

    `retry_after` is in seconds, None when it did not say.
    """

    retryable = True

    def __init__(self, message: str, *, retry_after: float | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class OrderRefused(ProviderError):
    """The CA will not issue this certificate as it was asked for (its policy, our request)."""


class AddressUnusable(PicdnsError):
    """This host has no public address at which it could be reached."""

    retryable = True


class LeadsElsewhere(PicdnsError):
    """Public DNS leads a name that others publish to somewhere else than this host."""


class ChallengeFailed(PicdnsError):
    """The CA looked, and did not find the proof that the name is ours."""


class PropagationTimeout(PicdnsError):
    """A DNS record did not become visible in time."""

    retryable = True


class CertificateRejected(PicdnsError):
    """What came back from the CA, or was given to `adopt`, is not good; it was not put to use."""


class ClockSkewed(PicdnsError):
    """This host's clock is wrong; `offset` is how far it is ahead of the service's, in seconds."""

    def __init__(self, message: str, *, offset: float) -> None:
        super().__init__(
            message,
            hint="Install and start chrony: `sudo apt-get install -y chrony && sudo systemctl "
            "enable --now chrony` (Debian), `sudo dnf install -y chrony && sudo systemctl enable "
            "--now chronyd` (Fedora), `sudo apk add chrony && sudo rc-update add chronyd default "
            "&& sudo service chronyd start` (Alpine).",
        )
        self.offset = offset


class DeployFailed(PicdnsError):
    """A certificate or name could not be put live; what was live before still is."""

    retryable = True


class CaddyDown(DeployFailed):
    """Caddy's admin endpoint does not answer; what it served last it may still serve."""


class CoreDnsDown(DeployFailed):
    """CoreDNS does not answer where we ask it; once it runs, `up` or the heartbeat completes."""


class Cancelled(PicdnsError):
    """The host asked to stop; what was under way goes on from the journal next time."""

    retryable = True


class Busy(PicdnsError):
    """Another thread or process is at work on the same thing; `step` says what it does."""

    retryable = True

    def __init__(self, step: str, *, hint: str = "") -> None:
        super().__init__(
            f"Busy: {step}.",
            hint=hint or "Another picdns is at it: wait for it to end and try again.",
        )
        self.step = step
