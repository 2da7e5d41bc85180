"""This cell's account at a CA (RFC 8555, section 7.3)."""

from acme import errors, messages
from cryptography.hazmat.primitives.asymmetric import ec
from josepy import jwk

from picdns_core import pem
from picdns_core.errors import ConfigError, StoreError
from picdns_core.issuing.wire import Client
from picdns_core.secret import Secret
from picdns_core.settings import AcmeSettings
from picdns_core.store import Document, Store, load, save


class Account(Document, frozen=True, kw_only=True):
    """Where the account is at the CA, and what the CA was told about it."""

    directory: str
    url: str
    email: str | None = None


class Accounts:
    """Finds the account, or makes it; to be used by one thread at a time.

    It is found again when its URL was lost, and made anew with the same key when the CA has
    forgotten it.
    """

    def __init__(
        self, store: Store, folder: str, settings: AcmeSettings, eab_key: Secret | None
    ) -> None:
        self._store = store
        self._folder = folder
        self._settings = settings
        self._eab_key = eab_key

    def sign_in(self, client: Client) -> None:
        """Let the client act for the account."""
        account = load(self._store, self._document, Account)
        if account is None:
            account = self._register(client)
        elif account.email != self._settings.email:
            account = self._update_contact(client, account)
        client.net.account = _resource(account)

    @property
    def url(self) -> str:
        """Where the account is, as far as is kept; "" while there is none."""
        account = load(self._store, self._document, Account)
        return account.url if account else ""

    def forget(self, client: Client) -> None:
        """Forget the account that this client acts for, which the CA does not know any more."""
        known = load(self._store, self._document, Account)
        if known and client.net.account and known.url == client.net.account.uri:
            self._store.delete(self._document)

    def key(self) -> ec.EllipticCurvePrivateKey:
        """Return the account's key, made at the first use."""
        name = f"{self._folder}/privkey.pem"
        data = self._store.get(name)
        if data is None:
            with self._store.lock("cell", "making an account key", wait=10):
                data = self._store.get(name)
                if data is None:
                    data = pem.dump_key(pem.new_key("ec256"))
                    self._store.put(name, data)
        try:
            key = pem.load_key(data)
        except ValueError:
            key = None
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise StoreError(
                f"{name} is not an EC key.",
                hint="Restore it from a backup; or move it away, and a new account is made.",
            )
        return key

    def _register(self, client: Client) -> Account:
        client.net.account = None  # else the request would be signed for the account that is gone
        try:
            url = client.new_account(
                messages.NewRegistration.from_data(
                    email=self._settings.email,
                    terms_of_service_agreed=True,
                    external_account_binding=self._binding(client),
                )
            ).uri
        except errors.ConflictError as known:
            url = known.location
        return self._keep(url)

    def _update_contact(self, client: Client, account: Account) -> Account:
        client.net.account = _resource(account)
        contact = (f"mailto:{self._settings.email}",) if self._settings.email else ()
        client.update_registration(_resource(account), messages.Registration(contact=contact))
        return self._keep(account.url)

    def _keep(self, url: str) -> Account:
        account = Account(directory=self._settings.directory, url=url, email=self._settings.email)
        save(self._store, self._document, account)
        return account

    def _binding(self, client: Client) -> dict[str, object] | None:
        if self._settings.eab is None:
            return None
        if self._eab_key is None:
            raise ConfigError(
                "picdns.acme.eab.hmac_key", "is missing.", hint="Give it as the CA shows it."
            )
        try:
            return messages.ExternalAccountBinding.from_data(
                jwk.JWKEC(key=self.key()).public_key(),
                self._settings.eab.kid,
                self._eab_key.reveal(),
                client.directory,
            )
        except (TypeError, ValueError):
            raise ConfigError(
                "picdns.acme.eab.hmac_key",
                "is not base64url.",
                hint="Give it as the CA shows it.",
            ) from None

    @property
    def _document(self) -> str:
        return f"{self._folder}/account.json"


def _resource(account: Account) -> messages.RegistrationResource:
    return messages.RegistrationResource(uri=account.url, body=messages.Registration())
