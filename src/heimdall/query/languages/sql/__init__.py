"""SQL over the one table `logs`: a single SELECT, read with sqlglot, that becomes the tree every language becomes."""

from heimdall.query.languages.sql.parser import parse

__all__ = ["parse"]
