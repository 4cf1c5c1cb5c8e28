"""Word lists of the shop, and the reading of `{name}` templates. All people, addresses and cards are made up."""

from __future__ import annotations

import string

import polars as pl

CATEGORIES = ("outdoor", "kitchen", "lighting", "garden", "books", "toys", "bath", "office", "bikes", "audio")
SEARCHES = (
    "rain+jacket", "tent", "led+lamp", "espresso", "headphones", "desk", "bike+light", "hammock", "water+bottle",
    "backpack+30l", "kids+puzzle", "office+chair", "garden+hose", "novel", "bath+mat", "usb+c+cable", "knife+set",
)  # fmt: skip
CARD_BRANDS = ("visa", "mastercard", "amex", "maestro")
CARRIERS = ("northpost", "parcelone", "speedbird", "cargolane")
FIRST_NAMES = (
    "Anna", "Ben", "Carla", "David", "Elif", "Felix", "Grace", "Hugo", "Ines", "Jonas", "Kira", "Liam", "Mara", "Noah",
    "Olga", "Paul", "Quinn", "Rosa", "Sven", "Tara", "Umar", "Vera", "Wim", "Xenia", "Yusuf", "Zoe",
)  # fmt: skip
LAST_NAMES = (
    "Abel", "Brandt", "Costa", "Dubois", "Eriksen", "Fischer", "Garcia", "Hansen", "Ito", "Jansen", "Kowalski",
    "Lopez", "Moreau", "Novak", "Olsen", "Petrov", "Quist", "Rossi", "Schmidt", "Tanaka", "Ueda", "Vogel", "Weber",
)  # fmt: skip
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5"
    " Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile"
    " Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4"
    " Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "ShopApp/6.2.1 (Android 15)",
    "ShopApp/6.2.0 (iOS 18.5)",
)

AGENTS_SERIES = pl.Series(AGENTS)
FIRST_NAMES_SERIES = pl.Series(FIRST_NAMES)
LAST_NAMES_SERIES = pl.Series(LAST_NAMES)


def split_template(template: str) -> tuple[str, list[str]]:
    """`"cart {cart} is empty"` → (`"cart {} is empty"`, `["cart"]`): what `polars.format` takes.

    A brace is written twice; without placeholders the text comes back as it is to be read.
    """
    parts = list(string.Formatter().parse(template))
    names = [name for _, name, _, _ in parts if name is not None]
    if not names:
        return "".join(literal for literal, *_ in parts), names
    text: list[str] = []
    for literal, name, _, _ in parts:
        text.append(literal.replace("{", "{{").replace("}", "}}"))
        if name is not None:
            text.append("{}")
    return "".join(text), names
