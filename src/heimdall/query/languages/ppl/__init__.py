"""OpenSearch's Piped Processing Language, as far as HQL can say the same."""

from heimdall.query.languages.ppl.parser import parse

__all__ = ["parse"]
