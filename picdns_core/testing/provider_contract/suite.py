"""The whole suite, for a provider's author to subclass."""

from .addressing import Addressing
from .calling import Calling
from .claiming import Claiming
from .examining import Examining
from .failing import Failing
from .issuing import Issuing
from .publishing import Publishing
from .secrecy import Secrecy


class ProviderContract(
    Calling, Claiming, Addressing, Publishing, Issuing, Failing, Examining, Secrecy
):
    """What every provider must do; a subclass says which one, and where its service is.

        class TestExample(ProviderContract):
            mode = "example"

            @pytest.fixture
            def service(self) -> Service:
                return Service(domain="contract.example.org", secrets={"token": "..."})

    Each test works with a claim of its own and leaves the zone as it was.
    """
