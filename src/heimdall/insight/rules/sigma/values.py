"""A Sigma value with its modifiers → tests of a field's text."""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from heimdall.insight.rules.sigma.unsupported import Unsupported

_META = frozenset(r"\.+*?()|[]{}^$")
_DASHES = "-/\u2013\u2014\u2015"
_WIDE = {"wide": "utf-16-le", "utf16le": "utf-16-le", "utf16be": "utf-16-be"}


@dataclass(frozen=True, slots=True)
class Any_:
    """`*`: any run of characters."""


@dataclass(frozen=True, slots=True)
class One:
    """`?`: one character."""


Part = str | Any_ | One


def parts_of(text: str) -> list[Part]:
    r"""A Sigma text: `*` and `?` are wildcards, `\*`, `\?` and `\\` stand for themselves where they escape one."""
    parts: list[Part] = []
    literal = ""
    place = 0
    while place < len(text):
        char = text[place]
        if char == "\\" and text[place + 1 : place + 2] in ("*", "?", "\\"):
            literal += text[place + 1]
            place += 2
            continue
        if char in "*?":
            parts += [literal, Any_() if char == "*" else One()]
            literal = ""
        else:
            literal += char
        place += 1
    return [part for part in [*parts, literal] if part != ""]


def plain(parts: list[Part]) -> str | None:
    """The text, where there is no wildcard."""
    return "".join(str(part) for part in parts) if all(isinstance(part, str) for part in parts) else None


def pattern_of(parts: list[Part], *, cased: bool, as_json: bool = False) -> str:
    """RE2 for the whole of a text. `as_json`: for the text as JSON writes it."""
    inner = list(parts)
    begins = not (inner and isinstance(inner[0], Any_))
    ends = not (inner and isinstance(inner[-1], Any_))
    while inner and isinstance(inner[0], Any_):
        inner = inner[1:]
    while inner and isinstance(inner[-1], Any_):
        inner = inner[:-1]
    body = ""
    for part in inner:
        match part:
            case Any_():
                body += ".*"
            case One():
                body += "."
            case _:
                body += escaped(_json(part) if as_json else part)
    return f"{'' if cased else '(?i)'}{'^' if begins else ''}{body}{'$' if ends else ''}"


def escaped(text: str) -> str:
    """RE2 that matches exactly this."""
    return "".join(f"\\{char}" if char in _META else char for char in text)


def _json(text: str) -> str:
    import orjson

    return orjson.dumps(text)[1:-1].decode()


def encodings(text: str, modifiers: tuple[str, ...]) -> tuple[list[str], bool]:
    """The texts a value becomes by `wide`, `base64` and `base64offset`, and whether that makes case matter."""
    raw: bytes | None = None
    found = [text]
    cased = False
    for modifier in modifiers:
        if modifier in _WIDE:
            raw = text.encode(_WIDE[modifier])
        elif modifier == "utf16":
            raw = b"\xff\xfe" + text.encode("utf-16-le")
        elif modifier == "base64":
            found = [base64.b64encode(raw if raw is not None else text.encode()).decode()]
            cased = True
        elif modifier == "base64offset":
            found = list(_offsets(raw if raw is not None else text.encode()))
            cased = True
    if raw is not None and not cased:
        raise Unsupported("UTF-16 text without base64: log text is Unicode already")
    return found, cased


def _offsets(raw: bytes) -> Iterator[str]:
    """What stays of a text in base64 wherever it begins in a group of three bytes."""
    for shift, start, end in ((0, 0, (None, -3, -2)), (1, 2, (None, -3, -2)), (2, 3, (None, -3, -2))):
        encoded = base64.b64encode(b" " * shift + raw).decode()
        yield encoded[start : end[(len(raw) + shift) % 3]]


def windash(text: str) -> list[str]:
    """A command line with each of the dashes Windows takes for an option's."""
    variants = [text]
    for dash in ("-", "/"):
        for place, char in enumerate(text):
            if char == dash and (place == 0 or text[place - 1] == " "):
                variants += [v[:place] + other + v[place + 1 :] for v in list(variants) for other in _DASHES]
        if len(variants) > 1:
            break
    return list(dict.fromkeys(variants))[:200]


def cidr_pattern(text: str) -> str:
    """RE2 for every address of a network, as it is usually written."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as exc:
        raise Unsupported(f"{text[:50]} is not a network") from exc
    if isinstance(network, ipaddress.IPv4Network):
        return f"^{_v4(network)}$"
    return f"(?i)^{_v6(network)}$"


def _v4(network: ipaddress.IPv4Network) -> str:
    whole, rest = divmod(network.prefixlen, 8)
    octets = list(network.network_address.packed)
    parts = [str(octet) for octet in octets[:whole]]
    if rest:
        first, last = octets[whole], octets[whole] | (0xFF >> rest)
        parts.append("(?:" + "|".join(str(number) for number in range(first, last + 1)) + ")")
    parts += ["[0-9]{1,3}"] * (4 - len(parts))
    return r"\.".join(parts)


def _v6(network: ipaddress.IPv6Network) -> str:
    address = network.network_address
    if network.prefixlen == 128:
        return "(?:" + "|".join({escaped(address.compressed), escaped(address.exploded)}) + ")"
    whole, rest = divmod(network.prefixlen, 16)
    groups = [int.from_bytes(address.packed[place : place + 2], "big") for place in range(0, 16, 2)]
    if not all(groups[:whole]):
        raise Unsupported(f"{network}: a network that begins with zeros can be written in too many ways")
    parts = [f"0{{0,3}}{group:x}" for group in groups[:whole]]
    if rest:
        first, last = groups[whole], groups[whole] | (0xFFFF >> rest)
        digits = -(-rest // 4)
        nibbles = 4 - digits
        heads = sorted(
            {f"{number >> (4 * nibbles):0{digits}x}" for number in range(first, last + 1, 1 << (4 * nibbles))}
        )
        if heads[0].startswith("0"):
            raise Unsupported(f"{network}: a group that begins with zeros can be written in too many ways")
        parts.append(f"(?:{'|'.join(heads)})[0-9a-f]{{{nibbles}}}")
    return ":".join(parts) + ":.*"
