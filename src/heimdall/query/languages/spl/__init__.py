"""Splunk's search language, as far as HQL can say the same."""

from heimdall.query.languages.spl.parser import parse

__all__ = ["parse"]
