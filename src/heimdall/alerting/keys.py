"""Keys of the routing file's tables: what is wrong is told with where it stands and what may stand there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from heimdall.errors import Misconfigured
from heimdall.query.literals import parse_duration


def only(given: Mapping[str, Any], known: Collection[str], what: str) -> None:
    """Raises Misconfigured: a key that is none of `known`."""
    for key in given:
        if key not in known:
            raise Misconfigured(f"{what}: unknown key {key}; keys are {', '.join(sorted(known))}")


def name_of(given: Mapping[str, Any], kind: str, taken: Collection[str]) -> str:
    """Raises Misconfigured: no name, or one that is there already."""
    name = given.get("name", "")
    if not isinstance(name, str) or not name:
        raise Misconfigured(f"{kind} ?: needs a name")
    if name in taken:
        raise Misconfigured(f"{kind} {name} is there twice")
    return name


def names_of(given: Mapping[str, Any], key: str, what: str, known: Collection[str], kind: str) -> tuple[str, ...]:
    """A list of names that have to be there. Raises Misconfigured."""
    found = given.get(key, [])
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise Misconfigured(f'{what}: {key} must be a list of names, such as ["{next(iter(known), "ops")}"]')
    for name in found:
        if name not in known:
            raise Misconfigured(f"{what}: there is no {kind} {name}; {kind}s are {', '.join(sorted(known)) or 'none'}")
    return tuple(dict.fromkeys(found))


def duration_of(given: Mapping[str, Any], key: str, default: str, what: str) -> int:
    """Nanoseconds. Raises Misconfigured."""
    text = given.get(key, default)
    found = parse_duration(text) if isinstance(text, str) else None
    if found is None:
        raise Misconfigured(f"{what}: {key} must be a duration such as 15m, not {str(text)[:40]}")
    return found
