"""Checks that a loaded plugin keeps the contract, before anything is asked of it."""

import inspect
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from types import ModuleType

import pluggy

from picdns_core import hookspecs
from picdns_core.errors import PluginError

REQUIRED = ("domain_mode", "register", "issue_cert", "teardown")
PROVIDER_HOOKS = (*REQUIRED, "update_ip", "publisher")


def provider_manager(distribution: str, plugin: object) -> pluggy.PluginManager:
    """Return a manager that holds this provider and nobody else; PluginError if it is broken."""
    manager = _manager(distribution, plugin)
    for hook in REQUIRED:
        if not getattr(manager.hook, hook).get_hookimpls():
            raise _missing(distribution, plugin, hook)
    return manager


def check_observer(distribution: str, plugin: object) -> None:
    """Refuse an observer that is broken, or that would answer in a provider's place."""
    manager = _manager(distribution, plugin)
    for caller in manager.get_hookcallers(plugin) or []:
        if caller.name in PROVIDER_HOOKS:
            raise broken(
                distribution,
                f"implements {caller.name}, which is a provider's hook",
                "Observe only, or move it to the entry-point group picdns.modes.",
            )


def broken(distribution: str, problem: str, mend: str) -> PluginError:
    """Word a breach of the contract; `problem` goes on where the distribution's name ends."""
    return PluginError(distribution, f"{distribution} {problem}.", hint=mend)


def _manager(distribution: str, plugin: object) -> pluggy.PluginManager:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(plugin)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise _misnamed(distribution, plugin, error) from None
    for caller in manager.get_hookcallers(plugin) or []:
        for implementation in caller.get_hookimpls():
            _check_implementation(distribution, caller.name, implementation)
    return manager


def _check_implementation(distribution: str, hook: str, found: pluggy.HookImpl) -> None:
    function = found.function
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise broken(
            distribution, f"implements {hook} as a coroutine", "Make it a plain function: def."
        )
    if found.wrapper or found.hookwrapper:
        raise broken(
            distribution, f"implements {hook} as a wrapper", "Remove wrapper=True from hookimpl."
        )
    parameters = inspect.signature(function).parameters.values()
    hidden = [entry.name for entry in parameters if entry.kind is entry.KEYWORD_ONLY]
    if hidden:
        raise broken(
            distribution,
            f"takes {', '.join(hidden)} of {hook} by keyword only, which is never passed",
            "Remove the * from its parameters.",
        )


def _missing(distribution: str, plugin: object, hook: str) -> PluginError:
    if callable(getattr(plugin, hook, None)):
        return broken(
            distribution,
            f"has a function {hook} that is not marked",
            f"Put @hookimpl above {hook}.",
        )
    return broken(distribution, f"does not implement {hook}", "Write it, with @hookimpl above.")


def _misnamed(
    distribution: str, plugin: object, error: pluggy.PluginValidationError
) -> PluginError:
    known = [name for name, spec in vars(hookspecs).items() if hasattr(spec, "picdns_spec")]
    for name, function in _marked(plugin):
        if name not in known:
            close = get_close_matches(name, known, n=1)
            mend = f"Did you mean {close[0]}?" if close else f"Hooks are: {', '.join(known)}."
            return broken(distribution, f"implements the unknown hook {name}", mend)
        takes = set(inspect.signature(function).parameters)
        offered = set(inspect.signature(getattr(hookspecs, name)).parameters)
        if extra := takes - offered:
            return broken(
                distribution,
                f"wants {', '.join(sorted(extra))} in {name}, which that hook does not pass",
                f"It may take: {', '.join(offered)}.",
            )
    return broken(distribution, f"cannot be used: {error}", "Report it to its author.")


def _marked(plugin: object) -> Iterator[tuple[str, Callable[..., object]]]:
    """Find what is marked with hookimpl in a module or an instance."""
    for name in vars(plugin) if isinstance(plugin, ModuleType) else dir(plugin):
        value = getattr(plugin, name, None)
        if callable(value) and hasattr(value, "picdns_impl"):
            yield name, value
