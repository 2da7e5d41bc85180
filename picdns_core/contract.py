"""Checks that a loaded plugin keeps the contract, before anything is asked of it."""

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import pluggy
from msgspec import Struct

from picdns_core import hookspecs
from picdns_core.errors import PluginError
from picdns_core.model import DomainMode

REQUIRED = ("domain_mode", "register", "issue_cert", "teardown")
PROVIDER_HOOKS = (*REQUIRED, "update_ip", "publisher", "examine", "name_available")
_KEY = re.compile(r"[a-z0-9][a-z0-9_-]*")
_HOOKS = [name for name, spec in vars(hookspecs).items() if hasattr(spec, "picdns_spec")]


def provider_manager(distribution: str, plugin: object) -> pluggy.PluginManager:
    """Return a manager that holds this provider and nobody else; PluginError if it is broken."""
    manager = _manager(distribution, plugin)
    for hook in REQUIRED:
        if not getattr(manager.hook, hook).get_hookimpls():
            raise _missing(distribution, plugin, hook)
    return manager


def check_mode(
    distribution: str, name: str, mode: DomainMode, manager: pluggy.PluginManager
) -> None:
    """Refuse a mode that says something else of itself than it is."""
    if mode.name != name:
        raise broken(
            distribution,
            f"says that its mode is {mode.name!r}, but its entry point is {name!r}",
            "Make the two names equal.",
        )
    for key in (name, *(secret.name for secret in mode.secrets)):
        if not _KEY.fullmatch(key):
            raise broken(
                distribution,
                f"calls a mode or secret {key!r}, which cannot be a file's name",
                "Use lower-case letters, digits, _ and -.",
            )
    for secret in mode.secrets:
        if secret.file and (secret.file.startswith("/") or ".." in secret.file.split("/")):
            raise broken(
                distribution,
                f"keeps the secret {secret.name} in {secret.file!r}, outside of the root",
                "Name a file relative to the root, as data/api/.token.",
            )
    if not _is_frozen_struct(mode.settings):
        raise broken(
            distribution,
            "has settings that are no frozen msgspec.Struct class",
            "Declare them as class Settings(Struct, frozen=True, kw_only=True).",
        )
    if mode.publishes_addresses != bool(manager.hook.update_ip.get_hookimpls()):
        raise broken(
            distribution,
            "must implement update_ip exactly when its mode publishes addresses",
            "Implement it, or correct DomainMode.publishes_addresses.",
        )


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
    if inspect.isclass(plugin):
        raise broken(
            distribution, "has a class as its entry point", "Name its module, or an instance of it."
        )
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        for hook, function in _marked(plugin):
            _check_implementation(distribution, hook, function)
        manager.register(plugin)
        manager.check_pending()
    except PluginError:
        raise
    except Exception as error:
        raise broken(
            distribution,
            f"cannot be used: {type(error).__name__}: {error}",
            "Report it to its author.",
        ) from error
    return manager


def _check_implementation(distribution: str, hook: str, function: Callable[..., object]) -> None:
    if hook not in _HOOKS:
        from difflib import get_close_matches

        close = get_close_matches(hook, _HOOKS, n=1)
        mend = f"Did you mean {close[0]}?" if close else f"Hooks are: {', '.join(_HOOKS)}."
        raise broken(distribution, f"implements the unknown hook {hook}", mend)
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise broken(
            distribution, f"implements {hook} as a coroutine", "Make it a plain function: def."
        )
    if _marks(function)["wrapper"] or _marks(function)["hookwrapper"]:
        raise broken(
            distribution, f"implements {hook} as a wrapper", "Remove wrapper=True from hookimpl."
        )
    offered = list(inspect.signature(getattr(hookspecs, hook)).parameters)
    taken = inspect.signature(function).parameters.values()
    if hidden := [one.name for one in taken if _is_hidden(one)]:
        raise broken(
            distribution,
            f"takes {', '.join(hidden)} of {hook} by keyword or with a default, so that it is "
            "never passed",
            "Make it a plain parameter: no * before it, no default.",
        )
    plain = [one.name for one in taken if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    if extra := [name for name in plain if name not in offered]:
        raise broken(
            distribution,
            f"wants {', '.join(extra)} in {hook}, which that hook does not pass",
            f"It may take: {', '.join(offered) or 'nothing'}.",
        )


def _is_frozen_struct(settings: object) -> bool:
    return (
        isinstance(settings, type)
        and issubclass(settings, Struct)
        and settings.__struct_config__.frozen
    )


def _is_hidden(parameter: inspect.Parameter) -> bool:
    """Say whether pluggy, which passes by position, overlooks this parameter."""
    return parameter.kind is parameter.KEYWORD_ONLY or parameter.default is not parameter.empty


def _missing(distribution: str, plugin: object, hook: str) -> PluginError:
    if callable(getattr(plugin, hook, None)):
        return broken(
            distribution,
            f"has a function {hook} that is not marked",
            f"Put @hookimpl above {hook}.",
        )
    return broken(distribution, f"does not implement {hook}", "Write it, with @hookimpl above.")


def _marked(plugin: object) -> Iterator[tuple[str, Callable[..., object]]]:
    """Find what is marked with hookimpl in a module or an instance, with the hook it is for."""
    for name in dir(plugin):
        value = getattr(plugin, name, None)
        if inspect.isroutine(value) and hasattr(value, "picdns_impl"):
            yield _marks(value)["specname"] or name, value


def _marks(function: Callable[..., object]) -> dict[str, Any]:
    marks: dict[str, Any] = getattr(function, "picdns_impl", {})
    return marks
