"""LogQL, Loki's language: text → tree → text. `heimdall.query.logql` answers it."""

from heimdall.query.languages.logql.lexer import LogqlError
from heimdall.query.languages.logql.parser import parse, parse_selector
from heimdall.query.languages.logql.printer import to_text

__all__ = ["LogqlError", "parse", "parse_selector", "to_text"]
