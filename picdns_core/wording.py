"""msgspec's validation errors, said with our keys and in the reader's words."""

import re
from collections.abc import Iterator
from typing import Any

from msgspec import inspect

from picdns_core.errors import ConfigError

_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_MISSING = re.compile(r"missing required field `([^`]*)`")
_TYPES = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")
_AT = re.compile(r" - at `\$\.?([^`]*)`")
_INDEX = re.compile(r"\[[^]]*\]")
_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
    "array": "a list",
    "object": "a JSON object",
}


def explain(problem: str, into: Any, key: str, otherwise: str) -> ConfigError:
    """Word a validation error below `key`; `otherwise` is the mend where no setting says it."""
    at = _AT.search(problem)
    inside = at[1] if at else ""
    path = f"{key}.{inside}".rstrip(".").replace(".[", "[")
    node = _descend(into, inside)
    if unknown := _UNKNOWN.search(problem):
        structs = (option for option in _options(node) if isinstance(option, inspect.StructType))
        known = [field.encode_name for struct in structs for field in struct.fields]
        from difflib import get_close_matches

        close = get_close_matches(unknown[1], known, n=1)
        hint = f"Did you mean {close[0]}?" if close else f"Known are: {', '.join(known)}."
        return ConfigError(f"{path}.{unknown[1]}", "is not a setting.", hint=hint)
    if missing := _MISSING.search(problem):
        path, node = f"{path}.{missing[1]}", _descend(node, missing[1])
        message = "is missing."
    elif "matching regex" in problem:
        message = f"does not have the right form{_example(node)}."
    else:
        message = _expected(problem, node)
    return ConfigError(path, message, hint=_description(node) or otherwise)


def _expected(problem: str, node: Any) -> str:
    if types := _TYPES.search(problem):
        expected, got = (_in_words(text) for text in types.groups())
        return f"expected {expected}, got {got}."
    for option in _options(node):
        if isinstance(option, inspect.LiteralType):
            return f"expected one of {', '.join(map(str, option.values))}."
        if isinstance(option, inspect.IntType) and None not in (option.ge, option.le):
            return f"expected a whole number from {option.ge} to {option.le}."
    return f"{problem.split(' - at ')[0].rstrip('.')}."


def _in_words(types: str) -> str:
    return " or ".join(_WORDS.get(name, name) for name in types.split(" | "))


def _descend(start: Any, path: str) -> Any:
    """Find the type at a dotted path below a Struct class or an inspected type."""
    node = inspect.type_info(start) if isinstance(start, type) else start
    for step in filter(None, _INDEX.sub("", path).split(".")):
        structs = (option for option in _options(node) if isinstance(option, inspect.StructType))
        fields = (field for struct in structs for field in struct.fields)
        found = next((field.type for field in fields if field.encode_name == step), None)
        if found is None:
            return None
        node = found
    return node


def _options(node: Any) -> Iterator[Any]:
    """Yield the alternatives of a type, with annotations and unions unwrapped."""
    if isinstance(node, inspect.Metadata):
        yield from _options(node.type)
    elif isinstance(node, inspect.UnionType):
        for option in node.types:
            yield from _options(option)
    else:
        yield node


def _description(node: Any) -> str:
    return next((str(text) for text in _noted(node, "description")), "")


def _example(node: Any) -> str:
    return next((f"; give it as {examples[0]}" for examples in _noted(node, "examples")), "")


def _noted(node: Any, about: str) -> Iterator[Any]:
    """Yield what annotations say of a type, the outermost first."""
    if isinstance(node, inspect.Metadata):
        if about in (schema := node.extra_json_schema or {}):
            yield schema[about]
        yield from _noted(node.type, about)
    elif isinstance(node, inspect.UnionType):
        for option in node.types:
            yield from _noted(option, about)
