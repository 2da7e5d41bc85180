"""The contract with plugins: distributions as pip leaves them, each broken in one way."""

import inspect
import logging
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import requests

import picdns_core
from picdns_core import (
    Addresses,
    Cell,
    CertFailed,
    CertFiles,
    CertIssued,
    CertRequest,
    ConfigError,
    Event,
    IpChanged,
    IssuedCert,
    ModeChanged,
    NoSettings,
    PluginError,
    ProviderUnavailable,
    Publication,
    Registered,
    Registration,
    Secret,
    TxtRecord,
    hookspecs,
    installed_modes,
    load_mode,
)
from picdns_core.contract import PROVIDER_HOOKS
from picdns_core.observers import Observers
from picdns_core.plugins import Claimant, Holder, Provider
from picdns_core.store import FileStore, ModeSecrets

from .conftest import Install, Python

HEAD = """
from picdns_core import *
"""
HOOKS = {
    "domain_mode": """
        @hookimpl
        def domain_mode():
            return DomainMode(name="broken", title="Broken", description="Breaks.")
    """,
    "register": """
        @hookimpl
        def register(cell):
            return Registration(domain=cell.domain)
    """,
    "issue_cert": """
        @hookimpl
        def issue_cert(request, signer):
            return signer.sign(request)
    """,
    "teardown": """
        @hookimpl
        def teardown():
            return False
    """,
}
ENTRY = {"picdns.modes": "broken = picdns_broken"}
CELL = Cell(name="home", mode="broken", domain="home.example")
REQUEST = CertRequest(lineage="home.example", names=("home.example",), csr_pem=b"csr")


def source(**changes: str) -> str:
    return HEAD + "".join(map(dedent, {**HOOKS, **changes}.values()))


class Echo:
    """A signer that gives back what it was given."""

    def sign(self, request: CertRequest) -> IssuedCert:
        return IssuedCert(fullchain_pem=request.csr_pem)

    def root_pem(self) -> bytes:
        return b""


def claimant() -> Claimant:
    return Claimant(
        cell=CELL,
        settings=NoSettings(),
        http=requests.Session(),
        secrets=ModeSecrets(FileStore(Path("unused")), Path("unused"), "broken", ()),
    )


def holder() -> Holder:
    return Holder(**claimant(), registration=Registration(domain=CELL.domain))


def ask(provider: Provider, hook: str) -> Any:
    """Call a hook through the facade, as the runner does."""
    if hook in {"register", "name_available"}:
        return getattr(provider, hook)(**claimant())
    if hook == "update_ip":
        return provider.update_ip(Addresses(), **holder())
    if hook == "publisher":
        return provider.publisher(**holder())
    if hook == "teardown":
        return provider.teardown(**holder())
    if hook == "examine":
        return provider.examine(**holder())
    return provider.issue_cert(REQUEST, None, None, Echo(), **holder())


def refused(name: str = "broken") -> PluginError:
    with pytest.raises(PluginError) as caught:
        load_mode(name)
    return caught.value


def test_a_mode_is_found_and_asked(install: Install) -> None:
    """A distribution that keeps the contract is loaded by its entry point and does its work."""
    install("picdns-broken", source(), ENTRY)
    provider = load_mode("broken")
    assert (provider.distribution, provider.mode.title) == ("picdns-broken", "Broken")
    assert ask(provider, "register") == Registration(domain="home.example")
    assert ask(provider, "issue_cert") == IssuedCert(fullchain_pem=b"csr")
    assert ask(provider, "teardown") is False
    assert ask(provider, "publisher") is None


def test_an_instance_can_be_a_plugin(install: Install) -> None:
    """An entry point may name an object with the hooks as its methods."""
    methods = "".join(HOOKS.values()).replace("(cell)", "(self, cell)")
    methods = methods.replace("mode():", "mode(self):").replace("teardown()", "teardown(self)")
    methods = methods.replace("(request, signer)", "(self, request, signer)")
    module = f"{HEAD}\nclass Plugin:\n{methods}\nplugin = Plugin()\n"
    install("picdns-broken", module, {"picdns.modes": "broken = picdns_broken:plugin"})
    assert ask(load_mode("broken"), "register") == Registration(domain="home.example")


@pytest.mark.parametrize("hook", ["domain_mode", "register", "issue_cert", "teardown"])
def test_a_missing_hook_is_named(install: Install, hook: str) -> None:
    """Each hook that every mode must have is asked for by name."""
    install("picdns-broken", source(**{hook: ""}), ENTRY)
    error = refused()
    assert error.distribution == "picdns-broken"
    assert error.message == f"picdns-broken does not implement {hook}."
    assert error.hint == "Write it, with @hookimpl above."


def test_a_forgotten_mark_is_named(install: Install) -> None:
    """A function with a hook's name but without the mark is what was meant."""
    install("picdns-broken", source(register="def register(cell): ..."), ENTRY)
    error = refused()
    assert error.message == "picdns-broken has a function register that is not marked."
    assert error.hint == "Put @hookimpl above register."


@pytest.mark.parametrize(
    ("hook", "code", "said", "mend"),
    [
        ("register", "async def register(cell): ...", "register as a coroutine", "plain function"),
        ("register", "async def register(cell): yield", "as a coroutine", "plain function"),
        ("regsiter", "def regsiter(cell): ...", "unknown hook regsiter", "Did you mean register?"),
        ("zzz", "def zzz(): ...", "unknown hook zzz", "Hooks are: domain_mode, register"),
        (
            "register",
            "def register(cell, token): ...",
            "wants token in register",
            "It may take: cell, settings, http, secrets.",
        ),
        ("teardown", "def teardown(addresses): ...", "wants addresses in teardown", "may take"),
        ("domain_mode", "def domain_mode(cell): ...", "wants cell", "It may take: nothing."),
        ("register", "def register(*, cell): ...", "takes cell of register by", "no * before"),
        ("register", "def register(cell, http=None): ...", "takes http of register", "no default"),
    ],
)
def test_a_hook_that_pluggy_would_misuse_is_refused(
    install: Install, hook: str, code: str, said: str, mend: str
) -> None:
    """What would be called wrongly, or never, is found before anything is asked."""
    install("picdns-broken", source(**{hook: f"@hookimpl\n{code}\n"}), ENTRY)
    error = refused()
    assert error.distribution == "picdns-broken"
    assert error.message.startswith("picdns-broken ")
    assert said in error.message
    assert mend in error.hint


@pytest.mark.parametrize("mark", ["wrapper", "hookwrapper"])
@pytest.mark.parametrize("body", ["yield", "return None"])
def test_a_wrapper_is_refused(install: Install, mark: str, body: str) -> None:
    """Nobody stands between the runner and the provider."""
    code = f"@hookimpl({mark}=True)\ndef register(cell):\n    {body}\n"
    install("picdns-broken", source(register=code), ENTRY)
    assert refused().message == "picdns-broken implements register as a wrapper."
    assert refused().hint == "Remove wrapper=True from hookimpl."


def test_a_hook_under_another_name_is_checked_as_well(install: Install) -> None:
    """`specname` hides neither a hook nor what is wrong with it."""
    code = '@hookimpl(specname="register")\nasync def claim(cell): ...\n'
    install("picdns-broken", source(register=code), ENTRY)
    assert refused().message == "picdns-broken implements register as a coroutine."


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import picdns_no_such_thing", "ModuleNotFoundError: No module named 'picdns_no_such"),
        ("from picdns_core import NoSuchName", "ImportError: cannot import name 'NoSuchName'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def f(:", "SyntaxError: "),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
    ],
)
def test_a_distribution_that_cannot_be_imported_is_named(
    install: Install, code: str, said: str
) -> None:
    """Whatever goes wrong while importing is said with the distribution, and stops no host."""
    install("picdns-broken", f"{code}\n", ENTRY)
    error = refused()
    assert error.message.startswith(f"picdns-broken cannot be imported: {said}")
    assert "pip install --force-reinstall picdns-broken" in error.hint


@pytest.mark.parametrize("value", ["picdns_broken:nothing", "picdns_broken.nothing", "picdns_gone"])
def test_an_entry_point_to_nothing_is_named(install: Install, value: str) -> None:
    """A wrong value in the distribution's metadata is the distribution's fault."""
    install("picdns-broken", source(), {"picdns.modes": f"broken = {value}"})
    assert refused().message.startswith("picdns-broken cannot be imported: ")


def test_a_class_as_entry_point_is_refused(install: Install) -> None:
    """A class has no `self` to call its hooks with."""
    install(
        "picdns-broken",
        f"{HEAD}\nclass Plugin: ...\n",
        {"picdns.modes": "broken = picdns_broken:Plugin"},
    )
    assert refused().message == "picdns-broken has a class as its entry point."


def test_a_plugin_that_resists_being_looked_at_is_named(install: Install) -> None:
    """Errors while the hooks are searched are the distribution's, too."""
    code = """
    class Plugin:
        @property
        def surprise(self):
            raise RuntimeError("boo")
    plugin = Plugin()
    """
    install("picdns-broken", dedent(code), {"picdns.modes": "broken = picdns_broken:plugin"})
    assert refused().message == "picdns-broken cannot be used: RuntimeError: boo."


def test_one_mode_from_two_distributions_is_refused(install: Install) -> None:
    """Nobody's installation order decides who gets the cell's name."""
    install("picdns-broken", source(), ENTRY)
    install("other-broken", source(), {"picdns.modes": "broken = other_broken"})
    error = refused()
    assert error.message == (
        "The mode 'broken' comes from several distributions: other-broken, picdns-broken."
    )
    assert error.hint == "Uninstall all but one of them."


def test_one_broken_mode_does_not_disturb_another(install: Install) -> None:
    """Only the mode that is asked for is imported."""
    install("picdns-broken", "raise SystemExit", ENTRY)
    assert load_mode("lan").mode.name == "lan"


def test_a_mode_that_is_not_installed_is_the_configs_error(install: Install) -> None:
    """The reader learns which modes there are."""
    install("picdns-broken", source(), ENTRY)
    with pytest.raises(ConfigError, match=r"'nope' is not installed; installed: broken, .*lan"):
        load_mode("nope")


@pytest.mark.parametrize(
    ("mode", "said", "mend"),
    [
        ('name="other"', "says that its mode is 'other', but its entry point is 'broken'", "equal"),
        ('name="broken", publishes_addresses=True', "must implement update_ip exactly", "Impleme"),
        ('name="broken", settings=dict', "has settings that are no frozen msgspec", "frozen=True"),
        ('name="broken", settings={}', "has settings that are no frozen msgspec", "frozen=True"),
        ('name="broken", settings=Thawed', "has settings that are no frozen", "frozen=True"),
        (
            'name="broken", secrets=(SecretField(name="../x", title="", description=""),)',
            "calls a mode or secret '../x', which cannot be a file's name",
            "lower-case letters",
        ),
        (
            'name="broken", secrets=(SecretField(name="x", title="", description="", file="/y"),)',
            "keeps the secret x in '/y', outside of the root",
            "relative to the root",
        ),
    ],
)
def test_a_mode_that_says_wrong_things_of_itself_is_refused(
    install: Install, mode: str, said: str, mend: str
) -> None:
    """What the mode declares is compared with what it is."""
    code = f"""
        from msgspec import Struct
        class Thawed(Struct): ...

        @hookimpl
        def domain_mode():
            return DomainMode(title="", description="", {mode})
    """
    install("picdns-broken", source(domain_mode=code), ENTRY)
    error = refused()
    assert error.message.startswith(f"picdns-broken {said}")
    assert mend in error.hint


def test_update_ip_without_addresses_to_publish_is_refused(install: Install) -> None:
    """A hook that would never be called is a mistake in one place or the other."""
    install("picdns-broken", source(update_ip="@hookimpl\ndef update_ip(): ...\n"), ENTRY)
    assert "must implement update_ip exactly when" in refused().message


def test_a_mode_name_that_is_no_file_name_is_refused(install: Install) -> None:
    """The mode's name becomes a directory of its secrets."""
    code = HOOKS["domain_mode"].replace('"broken"', '"a/b"')
    install("picdns-broken", source(domain_mode=code), {"picdns.modes": "a/b = picdns_broken"})
    assert "calls a mode or secret 'a/b'" in refused("a/b").message


@pytest.mark.parametrize(
    ("returns", "said"),
    [
        ("None", "NoneType"),
        ('"home.example"', "str"),
        ("(yield)", "generator"),
        ("Addresses()", "Addresses"),
    ],
)
@pytest.mark.parametrize("hook", ["domain_mode", "register", "issue_cert", "teardown"])
def test_a_wrong_answer_is_named(install: Install, hook: str, returns: str, said: str) -> None:
    """What a hook returns is looked at before it is used; None is no answer."""
    install(
        "picdns-broken",
        source(**{hook: f"@hookimpl\ndef {hook}():\n    return {returns}\n"}),
        ENTRY,
    )
    with pytest.raises(PluginError) as caught:
        ask(load_mode("broken"), hook)
    assert caught.value.message == f"picdns-broken returned {said} from {hook}."
    assert caught.value.hint.startswith("Return ")


@pytest.mark.parametrize(
    ("raises", "said"),
    [
        ('KeyError("id")', "KeyError: 'id'"),
        ("RecursionError()", "RecursionError: "),
        ("SystemExit(1)", "SystemExit: 1"),
        ('OSError(28, "No space")', "OSError: [Errno 28] No space"),
        ('requests.ConnectionError("refused")', "ConnectionError: refused"),
        ("StopIteration()", "StopIteration: "),
    ],
)
@pytest.mark.parametrize("hook", ["register", "issue_cert", "teardown"])
def test_an_exception_of_any_kind_is_the_distributions(
    install: Install, hook: str, raises: str, said: str
) -> None:
    """Nothing that a provider raises passes as something else, or ends the host."""
    code = f"import requests\n@hookimpl\ndef {hook}():\n    raise {raises}\n"
    install("picdns-broken", source(**{hook: code}), ENTRY)
    with pytest.raises(PluginError) as caught:
        ask(load_mode("broken"), hook)
    assert caught.value.message == f"picdns-broken failed in {hook} with {said}."
    assert caught.value.hint == "Report it to its author."
    assert caught.value.__cause__ is not None


def test_an_unforeseen_error_of_a_provider_does_not_show_its_secret(install: Install) -> None:
    """Neither itself nor what led to it."""
    code = """
        @hookimpl
        def register(secrets):
            token = "t0ken-" + "canary"
            try:
                raise ValueError(f"GET /update?token={token}")
            except ValueError as error:
                raise RuntimeError(f"could not ask for {token}") from error
    """
    install("picdns-broken", source(register=code), ENTRY)
    token = Secret("t0ken-canary")
    with pytest.raises(PluginError) as caught:
        ask(load_mode("broken"), "register")
    chain = "".join(traceback.format_exception(caught.value))
    assert ("GET /update?token=***" in chain, token.reveal() in chain) == (True, False)


def test_an_error_of_ours_is_passed_on(install: Install) -> None:
    """A provider that says what happened is believed."""
    code = '@hookimpl\ndef register():\n    raise ProviderUnavailable("Down.", hint="Wait.")\n'
    install("picdns-broken", source(register=code), ENTRY)
    with pytest.raises(ProviderUnavailable, match=r"^Down\. Wait\.$"):
        ask(load_mode("broken"), "register")


@pytest.mark.parametrize(
    ("returns", "said"),
    [
        ("None", "returned NoneType from publisher"),
        ("42", "returned from publisher what has no publish and no withdraw and no values_per"),
        ("Half()", "returned from publisher what has no withdraw and no values_per_name"),
    ],
)
def test_a_publisher_that_is_none_is_refused(install: Install, returns: str, said: str) -> None:
    """What cannot publish and withdraw is found before an order is made."""
    code = f"""
        class Half:
            def publish(self, record): ...

        @hookimpl
        def publisher():
            return {returns}
    """
    install("picdns-broken", source(publisher=code), ENTRY)
    with pytest.raises(PluginError) as caught:
        ask(load_mode("broken"), "publisher")
    assert said in caught.value.message


@pytest.mark.parametrize("call", ["publish", "withdraw"])
def test_an_unforeseen_error_of_a_publisher_names_the_culprit(install: Install, call: str) -> None:
    """It comes in the middle of an order, and must not look like the CA's fault."""
    code = """
        class Publisher:
            values_per_name = 1
            def publish(self, record): raise TypeError("no such thing")
            def withdraw(self, record): raise TypeError("no such thing")

        @hookimpl
        def publisher():
            return Publisher()
    """
    install("picdns-broken", source(publisher=code), ENTRY)
    publisher = ask(load_mode("broken"), "publisher")
    with pytest.raises(PluginError) as caught:
        getattr(publisher, call)(TxtRecord(name="_acme-challenge.home.example", value="x"))
    said = f"picdns-broken failed in {call} with TypeError: no such thing."
    assert caught.value.message == said


RECORDER = """
from picdns_core import *
asked = {}

class Publisher:
    values_per_name = 1
    def publish(self, record): ...
    def withdraw(self, record): ...
"""
ANSWERS = {
    "domain_mode": 'DomainMode(name="full", title="", description="", publishes_addresses=True)',
    "register": 'Registration(domain="home.example")',
    "update_ip": "Publication(addresses=addresses, changed=True)",
    "publisher": "Publisher()",
    "issue_cert": 'IssuedCert(fullchain_pem=b"chain")',
    "teardown": "True",
    "examine": '(Finding(name="token", ok=True, finding="Good"),)',
    "name_available": "False",
}


def test_the_facade_passes_what_the_hookspecs_name(install: Install) -> None:
    """A provider that takes everything it may take is given everything, each under its name."""
    module = RECORDER
    for hook in PROVIDER_HOOKS:
        names = ", ".join(inspect.signature(getattr(hookspecs, hook)).parameters)
        module += f"\n@hookimpl\ndef {hook}({names}):\n    asked[{hook!r}] = dict(locals())\n"
        module += f"    return {ANSWERS[hook]}\n"
    install("picdns-full", module, {"picdns.modes": "full = picdns_full"})
    provider = load_mode("full")
    answers = {hook: ask(provider, hook) for hook in PROVIDER_HOOKS if hook != "domain_mode"}
    asked: Mapping[str, Mapping[str, object]] = import_module("picdns_full").asked
    for hook in PROVIDER_HOOKS:
        assert set(inspect.signature(getattr(hookspecs, hook)).parameters) == set(asked[hook])
    assert asked["register"]["cell"] is CELL
    assert asked["issue_cert"]["request"] is REQUEST
    assert asked["teardown"]["registration"] == Registration(domain=CELL.domain)
    assert answers["update_ip"] == Publication(addresses=Addresses(), changed=True)
    assert answers["publisher"].values_per_name == 1
    assert answers["teardown"] is True
    assert [one.name for one in answers["examine"]] == ["token"]
    assert answers["name_available"] is False


def test_what_is_no_finding_is_refused(install: Install) -> None:
    """The doctor would show it."""
    code = """
        @hookimpl
        def examine():
            return ("all is well",)
    """
    install("picdns-broken", source(examine=code), ENTRY)
    with pytest.raises(PluginError, match="returned a str among what it found in examine"):
        ask(load_mode("broken"), "examine")


def test_a_mode_that_does_not_examine_finds_nothing(install: Install) -> None:
    """The hook is optional."""
    install("picdns-broken", source(), ENTRY)
    assert ask(load_mode("broken"), "examine") == ()


def test_every_hook_has_its_terms_and_a_place_in_the_facade() -> None:
    """A hook without a docstring has no contract, and one that nobody calls is none."""
    specs = {name: spec for name, spec in vars(hookspecs).items() if hasattr(spec, "picdns_spec")}
    assert [name for name, spec in specs.items() if not inspect.getdoc(spec)] == []
    providers = {name for name, spec in specs.items() if spec.picdns_spec["firstresult"]}
    assert providers == set(PROVIDER_HOOKS)
    assert providers - {"domain_mode"} <= set(vars(Provider))


OBSERVER = """
from picdns_core import hookimpl
heard = []

@hookimpl
def registered(event):
    heard.append(event)
"""
RAISING = """
from picdns_core import hookimpl

@hookimpl
def registered(event):
    raise {raises}
"""
NOW = datetime(2026, 1, 1, tzinfo=UTC)
REGISTERED = Registered(cell=CELL, at=NOW, registration=Registration(domain=CELL.domain))


def heard(module: str) -> list[Event]:
    events: list[Event] = import_module(module).heard
    return events


def test_an_observer_hears(install: Install) -> None:
    """Whoever is installed as an observer hears what happened, once, under several names too."""
    install("my-observer", OBSERVER, {"picdns.observers": "a = my_observer\nb = my_observer"})
    observers = Observers()
    observers.tell(REGISTERED)
    observers.tell(ModeChanged(cell=CELL, at=NOW, previous_mode="lan"))
    assert heard("my_observer") == [REGISTERED]


@pytest.mark.parametrize("raises", ['ValueError("no")', "SystemExit(1)", "RecursionError()"])
def test_a_raising_observer_stops_nobody(
    install: Install, caplog: pytest.LogCaptureFixture, raises: str
) -> None:
    """Those before and after one that fails hear the same, and the log names the culprit."""
    install("observer-a", OBSERVER, {"picdns.observers": "a = observer_a"})
    install("observer-b", RAISING.format(raises=raises), {"picdns.observers": "b = observer_b"})
    install("observer-c", OBSERVER, {"picdns.observers": "c = observer_c"})
    observers = Observers()
    observers.tell(REGISTERED)
    assert (heard("observer_a"), heard("observer_c")) == ([REGISTERED], [REGISTERED])
    assert [record.getMessage() for record in caplog.records] == [
        "observer b of observer-b failed in registered"
    ]


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("import picdns_no_such_thing", "observer-b cannot be imported: ModuleNotFoundError"),
        ("raise SystemExit", "observer-b cannot be imported: SystemExit"),
        (
            f"{HEAD}\n@hookimpl\ndef issue_cert(request): ...",
            "observer-b implements issue_cert, which is a provider's hook",
        ),
        (
            f"{HEAD}\n@hookimpl\ndef domain_mode(): ...",
            "observer-b implements domain_mode, which is a provider's hook",
        ),
        (f"{HEAD}\n@hookimpl\nasync def registered(event): ...", "registered as a coroutine"),
        (f"{HEAD}\n@hookimpl\ndef registerd(event): ...", "Did you mean registered?"),
        (f"{HEAD}\n@hookimpl\ndef registered(events): ...", "wants events in registered"),
        (f"{HEAD}\n@hookimpl(wrapper=True)\ndef registered(event): yield", "as a wrapper"),
    ],
)
def test_a_broken_observer_is_logged_and_skipped(
    install: Install, caplog: pytest.LogCaptureFixture, module: str, said: str
) -> None:
    """It costs the others nothing, and the log says what to mend."""
    install("observer-a", OBSERVER, {"picdns.observers": "a = observer_a"})
    install("observer-b", f"{module}\n", {"picdns.observers": "b = observer_b"})
    with caplog.at_level(logging.WARNING):
        observers = Observers()
    observers.tell(REGISTERED)
    assert heard("observer_a") == [REGISTERED]
    [message] = [record.getMessage() for record in caplog.records]
    assert message.startswith("observer skipped: observer-b ")
    assert said in message


@pytest.mark.parametrize(
    ("hook", "event"),
    [
        ("registered", REGISTERED),
        (
            "ip_changed",
            IpChanged(cell=CELL, at=NOW, addresses=Addresses(), previous=Addresses()),
        ),
        (
            "cert_issued",
            CertIssued(
                cell=CELL,
                at=NOW,
                lineage="a",
                names=("a",),
                issuer="b",
                serial="01",
                not_after=NOW,
                files=CertFiles(fullchain="/a", privkey="/b"),
            ),
        ),
        (
            "cert_failed",
            CertFailed(cell=CELL, at=NOW, lineage="a", names=("a",), error="b", hint="c"),
        ),
        ("mode_changed", ModeChanged(cell=CELL, at=NOW, previous_mode="lan")),
    ],
)
def test_every_event_reaches_its_hook(install: Install, hook: str, event: Event) -> None:
    """What is told arrives where its name says."""
    install(
        "my-observer", OBSERVER.replace("registered", hook), {"picdns.observers": "a = my_observer"}
    )
    Observers().tell(event)
    assert heard("my_observer") == [event]


def test_listing_the_modes_imports_none(install: Install, python: Python) -> None:
    """Names and distributions come from metadata alone, so a broken mode is listed as well."""
    install("picdns-broken", "raise SystemExit", ENTRY)
    modes, imported = python(
        "import json, sys; from picdns_core import installed_modes; found = installed_modes();"
        "print(json.dumps([found, [name for name in sys.modules if name.startswith('picdns_')"
        " and not name.startswith('picdns_core')]]))"
    )
    assert modes == installed_modes()
    assert modes["broken"] == "picdns-broken"
    assert modes["lan"] == "picdns-lan"
    assert imported == []


@pytest.mark.parametrize("code", ["import picdns_core", "import picdns_core.plugins"])
def test_importing_the_core_loads_nothing_heavy(python: Python, code: str) -> None:
    """A host that only wants to know the mode does not pay for certificates and HTTP."""
    loaded = python(f"{code}; import json, sys; print(json.dumps(sorted(sys.modules)))")
    heavy = {"acme", "josepy", "requests", "urllib3", "cryptography", "dns", "idna", "click"}
    assert "picdns_core" in loaded
    assert heavy & set(loaded) == set()


def test_loading_a_mode_loads_only_that(install: Install, python: Python) -> None:
    """One mode and its imports, no other, and nothing of acme."""
    install("picdns-broken", "raise SystemExit", ENTRY)
    loaded = python(
        "import json, sys; from picdns_core import load_mode; load_mode('lan');"
        "print(json.dumps(sorted(sys.modules)))"
    )
    assert "picdns_lan.plugin" in loaded
    assert {"picdns_http01", "picdns_broken", "acme", "requests"} & set(loaded) == set()


def test_notes_that_cannot_be_kept_are_named(install: Install) -> None:
    """They must be JSON, since they are read again by another process."""
    code = """
        @hookimpl
        def register(cell):
            return Registration(domain=cell.domain, notes={"session": object()})
    """
    install("picdns-broken", source(register=code), ENTRY)
    provider = load_mode("broken")
    with pytest.raises(PluginError, match="picdns-broken returned notes") as found:
        provider.register(**claimant())
    assert "Registration.notes" in found.value.hint


def test_every_public_name_is_there() -> None:
    """Names are loaded when they are first used: none may be missing then."""
    for name in picdns_core.__all__:
        assert getattr(picdns_core, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = picdns_core.nonsense  # type: ignore[attr-defined]
