"""HQL, Heimdall's own language: `parse` and `to_text`. Its grammar and words are in `docs/reference/hql.md`."""

from heimdall.query.languages.hql.parser import parse
from heimdall.query.languages.hql.printer import to_text

__all__ = ["parse", "to_text"]
