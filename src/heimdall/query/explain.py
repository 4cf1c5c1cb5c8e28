"""A query and its plan as plain data."""

from __future__ import annotations

import dataclasses
from enum import Enum


def tree(node: object) -> object:
    """An AST as JSON: one object a node, its kind under `node`; places in the text are left out."""
    if dataclasses.is_dataclass(node) and not isinstance(node, type):
        parts = {
            field.name: tree(getattr(node, field.name)) for field in dataclasses.fields(node) if field.name != "span"
        }
        return {"node": type(node).__name__, **parts}
    if isinstance(node, Enum):
        return node.value
    if isinstance(node, (list, tuple, frozenset, set)):
        return [tree(item) for item in node]
    if isinstance(node, dict):
        return {str(name): tree(item) for name, item in node.items()}
    if node is None or isinstance(node, (str, int, float, bool)):
        return node
    return str(node)
