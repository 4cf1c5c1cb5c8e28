"""A SELECT, clause by clause, as pipes: where · stats · where (having) · sort · head · fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlglot import exp

from heimdall.query.ast import (
    AllOf,
    AnyOf,
    Arithmetic,
    Call,
    Comparison,
    Expression,
    Field,
    MatchAll,
    Minus,
    Negate,
    Phrase,
    Pipe,
    Predicate,
    Within,
    fields_of,
    walk,
)
from heimdall.query.functions import function_named
from heimdall.query.languages.logic import all_of
from heimdall.query.languages.searching import split
from heimdall.query.languages.sql.expressions import Reader
from heimdall.query.languages.sql.places import Places
from heimdall.query.languages.translation import both
from heimdall.query.pipes.aggregation import Column
from heimdall.query.pipes.extend import Extend
from heimdall.query.pipes.fields import Fields
from heimdall.query.pipes.head import Head
from heimdall.query.pipes.sort import Sort
from heimdall.query.pipes.stats import Stats
from heimdall.query.pipes.where import Where

TABLE = "logs"
MAX_SUBQUERIES = 8
_CLAUSES = ("expressions", "from_", "where", "group", "having", "order", "limit", "distinct")
_LARGEST_LIMIT = 1_000_000_000


class Select:
    """`search` and `pipes` of one SELECT and of those in its FROM."""

    def __init__(self, places: Places, node: exp.Select, depth: int = 0) -> None:
        self._places = places
        self._node = node
        for clause, value in node.args.items():
            if value and clause not in _CLAUSES:
                part = value[0] if isinstance(value, list) else value
                where = part if isinstance(part, exp.Expr) else node
                raise places.refuse(where, f"{clause.rstrip('_').upper()} has no place here", "one SELECT from logs")
        self.search: Predicate = MatchAll()
        self.pipes: list[Pipe] = []
        self._reader = Reader(places, self._from(depth))
        self._where(is_first=not self.pipes)
        self._items = self._read_items()
        if self._aggregates():
            self._grouped()
        else:
            self._plain()

    # ---- from and where ----

    def _from(self, depth: int) -> frozenset[str]:
        source = self._node.args.get("from_")
        table = None if source is None else source.this
        if isinstance(table, exp.Subquery) and isinstance(table.this, exp.Select) and _only(table, "this", "alias"):
            if depth == MAX_SUBQUERIES:
                raise self._places.refuse(table, f"more than {MAX_SUBQUERIES} queries inside each other")
            inner = Select(self._places, table.this, depth + 1)
            self.search, self.pipes = inner.search, [*inner.pipes]
            return frozenset({table.alias} - {""})
        if table is None:
            raise self._places.refuse(self._node, "nothing says from where", "SELECT … FROM logs")
        columns = table.args.get("alias") is not None and table.args["alias"].args.get("columns")
        if not isinstance(table, exp.Table) or not _only(table, "this", "alias") or columns:
            raise self._places.refuse(table, "only the table logs can be read", "FROM logs")
        if not isinstance(table.this, exp.Identifier):
            raise self._places.refuse(table, "only the table logs can be read", "FROM logs")
        if table.name.lower() != TABLE:
            raise self._places.refuse(table, f"there is no table '{table.name[:40]}'", "FROM logs")
        return frozenset({TABLE, table.name, table.alias} - {""})

    def _where(self, *, is_first: bool) -> None:
        where = self._node.args.get("where")
        if where is None:
            return
        parts = list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]
        texts = [part for part in parts if is_first and _is_text_search(part)]
        rest = [self._reader.condition(part) for part in parts if part not in texts]
        for part in texts:
            self.search = both(self.search, Phrase(part.expressions[0].name))
        if not rest:
            return
        condition = all_of(rest)
        search, left = split(condition) if is_first else (MatchAll(), condition)
        self.search = both(search, self.search)
        if left is not None:
            self.pipes.append(Where(left))

    # ---- what is selected ----

    def _read_items(self) -> list[tuple[str | None, Expression]]:
        """Alias and expression of each column; (`*`, …) for a star."""
        items: list[tuple[str | None, Expression]] = []
        for node in self._node.expressions:
            if isinstance(node, exp.Star):
                if any(value for value in node.args.values()):
                    self._places.gap(node, "a star stands alone", "fields - a")
                items.append(("*", Field("*")))
            elif isinstance(node, exp.Alias):
                items.append((node.alias, self._reader.value(node.this)))
            else:
                items.append((None, self._reader.value(node)))
        return items

    def _aggregates(self) -> bool:
        having = self._node.args.get("having")
        return (
            self._node.args.get("group") is not None
            or having is not None
            or self._node.args.get("distinct") is not None
            or any(_has_aggregate(item) for _, item in self._items)
        )

    def _plain(self) -> None:
        star = any(alias == "*" for alias, _ in self._items)
        added: dict[str, Expression] = {}
        names: list[str] = []
        for alias, item in self._items:
            if alias == "*":
                continue
            name = alias or (item.name if isinstance(item, Field) else Column(item).name)
            if any(read in added for read in fields_of(item)):
                raise self._places.refuse(self._node, f"'{name}' reads a name another column takes", "rename one")
            if not (isinstance(item, Field) and item.name == name):
                added[name] = item
            names.append(name)
        self._once(names)
        if added:
            self.pipes.append(Extend(tuple(added.items())))
        self._ordered({}, names)
        if not star and names:
            self.pipes.append(Fields(tuple(names)))

    def _once(self, names: list[str]) -> None:
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise self._places.refuse(self._node, f"two columns are named '{min(twice)}'", "name one: … AS other")

    # ---- groups ----

    def _grouped(self) -> None:
        if any(alias == "*" for alias, _ in self._items):
            raise self._places.refuse(self._node, "a star has no place beside aggregates", "name the columns")
        keys = self._keys()
        columns: list[Column] = []
        names: list[str] = []
        known: dict[Expression, str] = {key.expression: key.name for key in keys}
        for alias, item in self._items:
            if item in known and (alias is None or alias == known[item]):
                names.append(known[item])
                continue
            if not _has_aggregate(item):
                word = self._node.expressions[len(names)]
                self._places.gap(word, "it is neither grouped by nor an aggregate", "GROUP BY it, or last(x)")
                continue
            column = Column(item, alias)
            columns.append(column)
            names.append(column.name)
            known.setdefault(item, column.name)
        self._once(names)
        having = self._node.args.get("having")
        condition = None if having is None else self._hidden(self._reader.condition(having.this), columns, known)
        order = [self._hidden(key, columns, known) for key in self._order_expressions(names)]
        if not columns:
            columns = [Column(Call("count"), _unused("count", names))]
        self.pipes.append(Stats(tuple(columns), tuple(keys)))
        if condition is not None:
            self.pipes.append(Where(condition))
        self._ordered(known, names, order)
        if names and names != [column.name for column in (*keys, *columns)]:
            self.pipes.append(Fields(tuple(names)))

    def _keys(self) -> list[Column]:
        group, keys = self._node.args.get("group"), list[Column]()
        if group is not None and not _only(group, "expressions"):
            raise self._places.refuse(group, "plain keys alone can be grouped by", "one query for each set of keys")
        if self._node.args.get("distinct") is not None:
            if group is not None or any(_has_aggregate(item) for _, item in self._items):
                raise self._places.refuse(self._node, "DISTINCT has no place beside aggregates", "leave it out")
            if self._node.args["distinct"].args.get("on") is not None:
                raise self._places.refuse(self._node, "DISTINCT ON has no place here", "dedup field")
            return [Column(item, alias) for alias, item in self._items]
        by_alias = {alias: item for alias, item in self._items if alias}
        for node in [] if group is None else group.expressions:
            if isinstance(node, exp.Literal) and not node.is_string:
                place = int(node.name) if node.name.isdigit() else 0
                if not 1 <= place <= len(self._items):
                    raise self._places.refuse(node, f"there is no column {node.name}")
                expression = self._items[place - 1][1]
            else:
                expression = self._reader.value(node)
                if isinstance(expression, Field) and expression.name in by_alias:
                    expression = by_alias[expression.name]
            if _has_aggregate(expression):
                raise self._places.refuse(node, "an aggregate is no key")
            alias = next((alias for alias, item in self._items if item == expression and alias), None)
            if expression not in [key.expression for key in keys]:
                keys.append(Column(expression, alias))
        return keys

    def _hidden(self, expression: Expression, columns: list[Column], known: dict[Expression, str]) -> Expression:
        """With aggregates and keys read from columns; an aggregate nobody selected becomes one."""
        for node in walk(expression):
            if _is_aggregate(node) and node not in known:
                name = _unused(f"column_{len(columns) + 1}", list(known.values()))
                columns.append(Column(node, name))
                known[node] = name
        return substituted(expression, known)

    # ---- order and limit ----

    def _order_expressions(self, names: list[str]) -> list[Expression]:
        order = self._node.args.get("order")
        keys: list[Expression] = []
        for node in [] if order is None else order.expressions:
            if isinstance(node.this, exp.Literal) and not node.this.is_string:
                place = int(node.this.name) if node.this.name.isdigit() else 0
                if not 1 <= place <= len(names):
                    raise self._places.refuse(node, f"there is no column {node.this.name}")
                keys.append(Field(names[place - 1]))
            else:
                keys.append(self._reader.value(node.this))
        return keys

    def _ordered(self, known: Mapping[Expression, str], names: list[str], keys: list[Expression] | None = None) -> None:
        order = self._node.args.get("order")
        if order is not None:
            keys = self._order_expressions(names) if keys is None else keys
            down = [bool(node.args.get("desc")) for node in order.expressions]
            if any(node.args.get("with_fill") for node in order.expressions):
                raise self._places.refuse(order, "empty steps are not filled")
            self.pipes.append(Sort(tuple(zip((substituted(key, known) for key in keys), down, strict=True))))
        limit = self._node.args.get("limit")
        if limit is None:
            return
        count = limit.expression if isinstance(limit, exp.Limit) else None
        text = count.name if isinstance(count, exp.Literal) and not count.is_string else ""
        if not text.isdigit() or len(text) > 10 or int(text) > _LARGEST_LIMIT:
            raise self._places.refuse(limit, f"a limit is a number up to {_LARGEST_LIMIT}", "LIMIT 100")
        self.pipes.append(Head(int(text)))


def substituted(expression: Expression, known: Mapping[Expression, str]) -> Expression:
    """The expression with every part that is a column read from it."""
    if expression in known:
        return Field(known[expression])
    match expression:
        case Call(arguments=parts):
            return replace(expression, arguments=tuple(substituted(part, known) for part in parts))
        case AllOf(items=parts) | AnyOf(items=parts):
            return replace(expression, items=tuple(substituted(part, known) for part in parts))
        case Arithmetic(left=left, right=right) | Comparison(left=left, right=right):
            return replace(expression, left=substituted(left, known), right=substituted(right, known))
        case Minus(item=item) | Negate(item=item):
            return replace(expression, item=substituted(item, known))
        case Within(item=item, choices=choices):
            return replace(
                expression,
                item=substituted(item, known),
                choices=tuple(substituted(choice, known) for choice in choices),
            )
    return expression


def _is_text_search(node: exp.Expr) -> bool:
    return (
        isinstance(node, exp.Anonymous)
        and str(node.this).lower() == "match_all"
        and len(node.expressions) == 1
        and isinstance(node.expressions[0], exp.Literal)
    )


def _is_aggregate(node: Expression) -> bool:
    function = function_named(node.name) if isinstance(node, Call) else None
    return function is not None and function.aggregate


def _has_aggregate(expression: Expression) -> bool:
    return any(map(_is_aggregate, walk(expression)))


def _only(node: exp.Expr, *names: str) -> bool:
    return all(name in names for name, value in node.args.items() if value)


def _unused(name: str, names: list[str]) -> str:
    while name in names:
        name += "_"
    return name
