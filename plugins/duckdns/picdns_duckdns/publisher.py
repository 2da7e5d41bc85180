"""DNS-01 values in the one TXT value that DuckDNS has for a label."""

from picdns_core import ForeignName, TxtRecord
from picdns_duckdns.client import DuckDns


class DuckDnsPublisher:
    """Puts a value where the one before it was.

    DuckDNS cannot be asked what the TXT value is. A value that this object has replaced is known
    to be gone, and its withdrawal leaves the newer one alone. For any other, in a new process for
    example, the caller's word that it was published and not withdrawn is what there is to go by.
    """

    values_per_name = 1

    def __init__(self, client: DuckDns, label: str) -> None:
        self._client = client
        self._label = label
        self._latest: str | None = None

    def publish(self, record: TxtRecord) -> None:
        """Set the value, in place of any other; ForeignName for a name that is not the label's."""
        self._check(record)
        self._latest = record.value
        self._client.set_txt(self._label, record.value)

    def withdraw(self, record: TxtRecord) -> None:
        """Clear the value, unless a newer one is known to have taken its place.

        To write the value again and look at the answer, UPDATED or NOCHANGE, would tell whether
        it is still there, and destroy what is there instead. A public resolver would tell what
        was there a TTL ago. So neither is asked.
        """
        self._check(record)
        if self._latest in (None, record.value):
            self._client.clear_txt(self._label)
            self._latest = None

    def _check(self, record: TxtRecord) -> None:
        own = f"{self._label}.duckdns.org"
        if record.name.lower() != own and not record.name.lower().endswith(f".{own}"):
            raise ForeignName(
                f"{record.name} is not below {own}, and DuckDNS writes nothing else.",
                hint=f"Let the CNAME of the challenge lead to {own}, or remove it.",
            )
