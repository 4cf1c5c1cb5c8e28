"""Configuration as data: frozen dataclasses filled from a TOML file, then the environment, then flags.

A setting's name is its path through the dataclasses (`pipeline.max_wait_s`); its environment variable is
`HEIMDALL_PIPELINE__MAX_WAIT_S`; its meaning is the docstring under the field, which the reference page shows too.
"""

from __future__ import annotations

import ast
import dataclasses
import difflib
import inspect
import textwrap
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from heimdall.errors import Misconfigured

T = TypeVar("T")

ENVIRONMENT_PREFIX = "HEIMDALL_"
_LEVEL_SEPARATOR = "__"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as the reference page shows it."""

    name: str
    type: str
    default: object
    meaning: str

    @property
    def environment_variable(self) -> str:
        return ENVIRONMENT_PREFIX + self.name.upper().replace(".", _LEVEL_SEPARATOR)


def load(cls: type[T], file: Path | None, environment: Mapping[str, str], flags: Mapping[str, object]) -> T:
    """An instance of `cls` from defaults, `file`, `HEIMDALL_…` variables and dotted `flags`, each over the one before.

    Raises:
        Misconfigured: unreadable file, unknown key (with the nearest known one), or a value of the wrong type.
    """
    known = frozenset(_names_of(cls))
    values: dict[str, object] = {}
    if file is not None:
        values |= {name: value for name, value in _flatten(_read(file), known) if _known(name, known, str(file))}
    for variable, text in environment.items():
        if variable.startswith(ENVIRONMENT_PREFIX):
            name = variable.removeprefix(ENVIRONMENT_PREFIX).lower().replace(_LEVEL_SEPARATOR, ".")
            if _known(name, known, f"environment variable {variable}"):
                values[name] = text
    for name, value in flags.items():
        if value is not None and _known(name, known, "flags"):
            values[name] = value
    return _build(cls, "", values)


def settings_of(cls: type[Any], prefix: str = "") -> Iterator[Setting]:
    """Every setting below a configuration dataclass, in the order it is written."""
    hints = typing.get_type_hints(cls)
    meanings = _field_docstrings(cls)
    for field in _operator_fields(cls):
        name = f"{prefix}{field.name}"
        hint = hints[field.name]
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            yield from settings_of(hint, f"{name}.")
        else:
            yield Setting(name, _type_name(hint), _default(field), meanings.get(field.name, ""))


def _names_of(cls: type[Any], prefix: str = "") -> Iterator[str]:
    """Names alone: meanings are read from source files, which start-up need not wait for."""
    hints = typing.get_type_hints(cls)
    for field in _operator_fields(cls):
        hint = hints[field.name]
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            yield from _names_of(hint, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}"


def values_of(config: object, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Every (name, value) of a built configuration."""
    for field in _operator_fields(type(config)):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from values_of(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", value


def _operator_fields(cls: type[Any]) -> Iterator[dataclasses.Field[Any]]:
    """Fields an operator sets here; those with `set_by` in their metadata follow from the setting it names."""
    return (field for field in dataclasses.fields(cls) if "set_by" not in field.metadata)


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as exc:
        raise Misconfigured(f"cannot read configuration file {file}: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise Misconfigured(f"configuration file {file} is not valid TOML: {exc}") from exc


def _flatten(table: Mapping[str, Any], known: frozenset[str], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and name not in known:
            yield from _flatten(value, known, f"{name}.")
        else:
            yield name, value


def _known(name: str, known: frozenset[str], where: str) -> bool:
    if name in known:
        return True
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"; did you mean {nearest[0]}?" if nearest else "; heimdall config show lists all settings"
    raise Misconfigured(f"unknown setting {name} in {where}{hint}")


def _build(cls: type[T], prefix: str, values: Mapping[str, object]) -> T:
    hints = typing.get_type_hints(cls)
    arguments: dict[str, Any] = {}
    for field in _operator_fields(cls):
        name = f"{prefix}{field.name}"
        hint = hints[field.name]
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            arguments[field.name] = _build(hint, f"{name}.", values)
        elif name in values:
            arguments[field.name] = _convert(values[name], hint, name)
    try:
        return cls(**arguments)
    except ValueError as exc:
        raise Misconfigured(f"setting {prefix.rstrip('.') or 'configuration'}: {exc}") from exc


def _convert(value: object, hint: Any, name: str) -> object:
    options = [option for option in typing.get_args(hint) if option is not types.NoneType]
    if isinstance(hint, types.UnionType):
        if value in (None, ""):
            return None
        hint = options[0]
    origin = typing.get_origin(hint)
    try:
        if origin is tuple:
            parts = value.split(",") if isinstance(value, str) else value
            return tuple(_convert(part, typing.get_args(hint)[0], name) for part in parts if part != "")  # type: ignore[attr-defined]
        if hint is bool:
            return _boolean(value)
        if origin is Literal:
            if value not in typing.get_args(hint):
                raise ValueError
            return value
        if hint is int and isinstance(value, bool | float):
            raise ValueError
        return hint(value)
    except (TypeError, ValueError) as exc:
        raise Misconfigured(f"setting {name} must be {_type_name(hint)}, not {value!r}") from exc


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    raise ValueError


def _default(field: dataclasses.Field[Any]) -> object:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None if field.default is dataclasses.MISSING else field.default


def _type_name(hint: Any) -> str:
    if isinstance(hint, types.UnionType):
        return " or ".join(_type_name(option) for option in typing.get_args(hint) if option is not types.NoneType)
    if typing.get_origin(hint) is tuple:
        return f"list of {_type_name(typing.get_args(hint)[0])}"
    if typing.get_origin(hint) is Literal:
        return " or ".join(typing.get_args(hint))
    names = {int: "an integer", float: "a number", str: "text", bool: "true or false", Path: "a path"}
    return names.get(hint, getattr(hint, "__name__", str(hint)))


def _field_docstrings(cls: type[Any]) -> dict[str, str]:
    """The string literal under each field of a dataclass and of those it extends, on one line."""
    meanings: dict[str, str] = {}
    for extended in reversed(cls.__mro__):
        if dataclasses.is_dataclass(extended):
            meanings |= _own_docstrings(extended)
    return meanings


def _own_docstrings(cls: type[Any]) -> dict[str, str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    meanings: dict[str, str] = {}
    for field, following in zip(body, body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
        ):
            meanings[field.target.id] = " ".join(str(following.value.value).split())
    return meanings
