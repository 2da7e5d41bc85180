"""Providers that break the contract fail the tests of what they break, and are told the mend."""

from dataclasses import dataclass
from types import ModuleType

import pytest

from picdns_core.testing import LocalInternet, ProviderContract
from picdns_core.testing.provider_contract.addressing import Addressing
from picdns_core.testing.provider_contract.base import Contract
from picdns_core.testing.provider_contract.calling import Calling
from picdns_core.testing.provider_contract.claiming import Claiming
from picdns_core.testing.provider_contract.failing import Failing
from picdns_core.testing.provider_contract.issuing import Issuing
from picdns_core.testing.provider_contract.publishing import Publishing
from picdns_core.testing.provider_contract.secrecy import Secrecy

from . import broken, contract
from .memory import Memory

pytest_plugins = ["pytester"]

REGISTER = "test_registering_twice_changes_nothing"
LOST = "test_a_claim_whose_answer_was_lost_is_found_again"
DOWN = "test_a_service_that_is_down_is_told"
UNKNOWN = "test_an_unknown_family_is_left_alone"
FOREIGN = "test_a_foreign_value_survives"
CERTIFICATE = "test_a_certificate_is_issued"
HOOKS = ("register", "update_ip", "publish", "withdraw", "teardown")


@dataclass(frozen=True)
class Case:
    """A broken provider, the tests that it fails, and what one of them says.

    `part` is that of the suite which it breaks; `elsewhere` are tests of other parts that fail
    too.
    """

    provider: type[Memory]
    part: type[Contract]
    fails: set[str]
    said: str
    mend: str
    elsewhere: frozenset[str] = frozenset()


CASES = [
    Case(
        broken.ClaimsTwice,
        Claiming,
        {REGISTER},
        "register returned Registration(domain='contract.registry.test', notes={'claim': [2]}) "
        "the second time",
        "return it instead of making another",
        frozenset({LOST}),
    ),
    Case(
        broken.KeepsATuple,
        Claiming,
        {"test_the_claim_can_be_kept_on_disk"},
        "come back from JSON as {'types': ['A', 'AAAA']",
        "use lists instead of tuples",
    ),
    Case(
        broken.LeavesAddresses,
        Claiming,
        {"test_teardown_leaves_nothing_of_ours", "test_teardown_needs_no_notes"},
        "teardown left contract A 192.0.2.1, contract AAAA 2001:db8::1 in the zone.",
        "remove every record that register and update_ip created",
    ),
    Case(
        broken.NeedsItsNotes,
        Claiming,
        {"test_teardown_needs_no_notes"},
        "teardown of a registration without notes left contract A 192.0.2.1",
        "find what this cell created by its domain where the notes do not say it",
    ),
    Case(
        broken.TakesWhatIsForeign,
        Claiming,
        {"test_teardown_spares_what_is_foreign"},
        "teardown removed contract TXT v=spf1 -all, which was there before the cell.",
        "remove only what this cell created",
    ),
    Case(
        broken.WipesTheUnknown,
        Addressing,
        {f"{UNKNOWN}[ipv4]", f"{UNKNOWN}[ipv6]"},
        "the AAAA records of contract.registry.test are none; they should be 2001:db8::1.",
        "unknown is not absent",
    ),
    Case(
        broken.AddsAddresses,
        Addressing,
        {f"{UNKNOWN}[ipv4]", f"{UNKNOWN}[ipv6]"},
        "the A records of contract.registry.test are 192.0.2.1, 192.0.2.2; they should be "
        "192.0.2.2.",
        "replace the address of a family that is given",
    ),
    Case(
        broken.WithdrawsAll,
        Publishing,
        {"test_withdrawing_spares_the_other_value", FOREIGN},
        "withdraw removed a value that it was not given.",
        "delete only the record whose content is record.value",
    ),
    Case(
        broken.Replaces,
        Publishing,
        {"test_values_stand_beside_each_other", FOREIGN, "test_two_threads_do_not_meet"},
        "publish returned, and the TXT records of _acme-challenge.contract.registry.test are ",
        "add a value to those there are, or say values_per_name = 1",
    ),
    Case(
        broken.Remembers,
        Publishing,
        {"test_a_fresh_process_withdraws"},
        "withdraw in a fresh process left _acme-challenge.contract TXT ",
        "remember nothing",
    ),
    Case(
        broken.WantsItThere,
        Publishing,
        {"test_withdrawing_what_is_not_there_is_fine"},
        "ValueError: list.remove(x): x not in list",
        "",
    ),
    Case(
        broken.KeepsTheSession,
        Calling,
        {"test_each_call_uses_its_own_http"},
        "The `http` of one call was used after that call had ended.",
        "use the `http` that the hook is given",
    ),
    Case(
        broken.TrustsAnybody,
        Failing,
        {"test_wrong_credentials_are_refused"},
        "register with wrong credentials returned as if all were well.",
        "ask the service whether they are right",
    ),
    Case(
        broken.BlamesTheToken,
        Failing,
        {f"{DOWN}[{hook}-error 500]" for hook in HOOKS},
        "register while the service was down (error 500) raised AuthenticationFailed: ",
        "only a clear refusal is AuthenticationFailed",
    ),
    Case(
        broken.TakesPagesForAnswers,
        Failing,
        {f"{DOWN}[{hook}-HTML]" for hook in HOOKS},
        "while the service was down (HTML) ",
        "raise ProviderUnavailable",
    ),
    Case(
        broken.Curt,
        Failing,
        {f"{DOWN}[{hook}-{down}]" for hook in HOOKS for down in ("cut", "error 500", "HTML")},
        "raised ProviderUnavailable: The registry does not answer.",
        "say in the message what still works",
    ),
    Case(
        broken.NotesTheToken,
        Secrecy,
        {"test_no_secret_is_in_what_is_returned"},
        "The secret token is in the Registration that register returned.",
        "keep it in a Secret",
    ),
    Case(
        broken.LogsTheToken,
        Secrecy,
        {"test_no_secret_is_logged", "test_no_secret_is_in_a_refusal"}
        | {f"test_no_secret_is_in_an_outage[{hook}]" for hook in HOOKS},
        "broken logs at DEBUG (ask).",
        "reveal() it only where it is sent",
    ),
    Case(
        broken.RaisesTheToken,
        Secrecy,
        {f"test_no_secret_is_in_an_outage[{hook}]" for hook in HOOKS},
        "The secret token is in the ProviderUnavailable or the errors that it came from.",
        "raise `from None` where the cause of an error would show it",
    ),
    Case(
        broken.CutsTheChain,
        Issuing,
        {CERTIFICATE},
        "The chain for contract.registry.test, *.contract.registry.test does not lead",
        "return all that came",
    ),
]


def sharing(net: LocalInternet) -> ModuleType:
    """Make a plugin that lends the internet of this session to a session inside."""
    plugin = ModuleType("sharing")
    fixture = pytest.fixture(scope="session", name="local_internet")
    plugin.__dict__["local_internet"] = fixture(lambda: net)
    return plugin


def failures(
    pytester: pytest.Pytester,
    net: LocalInternet,
    suite: type[Contract],
    provider: type[Memory],
    *options: str,
) -> dict[str, str]:
    """Run a suite on a provider as its author would; returns what failed, and what was said."""
    pytester.makepyfile(
        f"from {contract.__name__} import MemoryService\n"
        f"from {suite.__module__} import {suite.__name__}\n"
        f"class TestIt(MemoryService, {suite.__name__}):\n"
        f"    mode = {provider.name!r}\n"
    )
    without = ("-p", "no:picdns", "-p", "no:cacheprovider")
    ended = pytester.inline_run(*without, *options, plugins=[sharing(net)])
    return {
        report.nodeid.rpartition("::")[2]: report.longreprtext for report in ended.getfailures()
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.provider.__name__)
def test_a_broken_provider_is_told_what_to_mend(
    case: Case, pytester: pytest.Pytester, local_internet: LocalInternet
) -> None:
    """It fails the tests that are about what it breaks, passes those beside, and reads why."""
    said = failures(pytester, local_internet, case.part, case.provider)
    assert set(said) == case.fails
    assert any(case.said in text and case.mend in text for text in said.values()), said


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.provider.__name__)
def test_a_broken_provider_passes_all_else(
    case: Case, pytester: pytest.Pytester, local_internet: LocalInternet
) -> None:
    """The rest of the suite finds no fault; ordering through broken DNS takes too long."""
    options = ("-k", f"not {CERTIFICATE}")
    said = failures(pytester, local_internet, ProviderContract, case.provider, *options)
    assert set(said) == (case.fails | case.elsewhere) - {CERTIFICATE}
