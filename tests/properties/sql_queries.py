"""SQL that both Heimdall and SQLite understand, written at random from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

TEXTS = {
    "service": ("cart", "payment", "auth", "nothing"),
    "user_id": ("u1", "u2", "u9"),
    "s": ("x", "5", "y z"),
    "message": ("refused", "card declined: code=5"),
}
NUMBERS = {"duration_ms": (1, 2.5, 20.25, 1500), "http.status_code": (200, 404, 500), "n": (5, 7, -3)}
LIKES = ("%refused%", "card%", "%ms", "user _l%", "%=5", "%1_ ms", "%")


def name(field: str) -> str:
    return f'"{field}"' if "." in field else field


@dataclass
class Writer:
    chance: random.Random

    def condition(self, depth: int = 3) -> str:
        kind = self.chance.randrange(9 if depth else 6)
        if kind == 6:
            return f"NOT ({self.condition(depth - 1)})"
        if kind > 6:
            word = self.chance.choice((" AND ", " OR "))
            return "(" + word.join(self.condition(depth - 1) for _ in range(self.chance.randint(2, 3))) + ")"
        return self._leaf(kind)

    def _leaf(self, kind: int) -> str:
        text, number = self.chance.choice(list(TEXTS)), self.chance.choice(list(NUMBERS))
        sign = self.chance.choice(("=", "<>", "<", "<=", ">", ">="))
        match kind:
            case 0:
                return f"{text} {self.chance.choice(('=', '<>'))} '{self.chance.choice(TEXTS[text])}'"
            case 1:
                return f"{name(number)} {sign} {self.chance.choice(NUMBERS[number])}"
            case 2:
                field = name(self.chance.choice((text, number)))
                return f"{field} IS {self.chance.choice(('', 'NOT '))}NULL"
            case 3:
                listed = ", ".join(f"'{value}'" for value in self.chance.sample(TEXTS[text], 2))
                return f"{text} {self.chance.choice(('', 'NOT '))}IN ({listed})"
            case 4:
                return f"message {self.chance.choice(('', 'NOT '))}LIKE '{self.chance.choice(LIKES)}'"
        low, high = sorted(self.chance.sample(NUMBERS[number], 2))
        return f"{name(number)} {self.chance.choice(('', 'NOT '))}BETWEEN {low} AND {high}"

    def value(self) -> str:
        text, number = self.chance.choice(list(TEXTS)), name(self.chance.choice(list(NUMBERS)))
        return self.chance.choice(
            (
                f"upper({text})",
                f"coalesce({text}, 'none')",
                f"length({text})",
                f"{number} * 2 + 1",
                f"abs({number})",
                f"CASE WHEN {self.condition(1)} THEN 'a' WHEN {self.condition(0)} THEN 'b' ELSE 'c' END",
                f"nullif({text}, '{self.chance.choice(TEXTS[text])}')",
            )
        )

    def aggregate(self) -> str:
        number = name(self.chance.choice(list(NUMBERS)))
        return self.chance.choice(
            (
                "count(*)",
                f"count({number})",
                f"count(DISTINCT {self.chance.choice(list(TEXTS))})",
                f"sum({number})",
                f"avg({number})",
                f"min({number})",
                f"max({number})",
                f"count(*) FILTER (WHERE {self.condition(1)})",
                f"max({number}) - min({number})",
            )
        )

    def query(self) -> str:
        where = f" WHERE {self.condition()}" if self.chance.random() < 0.8 else ""
        if self.chance.random() < 0.3:
            return f"SELECT id, {self.value()} AS v, {self.value()} AS w FROM logs{where}"
        if self.chance.random() < 0.1:
            return f"SELECT DISTINCT service, user_id FROM logs{where}"
        keys = self.chance.sample(["service", "user_id", "template_id", self.value()], self.chance.randrange(3))
        items = [f"{key} AS k{place}" for place, key in enumerate(keys)]
        items += [f"{self.aggregate()} AS a{place}" for place in range(self.chance.randint(1, 3))]
        self.chance.shuffle(items)
        query = f"SELECT {', '.join(items)} FROM logs{where}"
        if not keys:
            return query
        query += f" GROUP BY {', '.join(keys)}"
        if self.chance.random() < 0.3:
            query += f" HAVING {self.aggregate()} > {self.chance.randrange(300)}"
        if self.chance.random() < 0.4:
            down = self.chance.choice(("", " DESC"))
            query += f" ORDER BY {', '.join(f'k{place}{down} NULLS LAST' for place in range(len(keys)))}"
            query += f" LIMIT {self.chance.randint(1, 6)}"
        if self.chance.random() < 0.15:
            query = f"SELECT count(*) AS rows_, sum(a0) AS t FROM ({query}) AS q"
        return query
