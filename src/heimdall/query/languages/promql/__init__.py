"""PromQL, Prometheus' language of series: text → tree. What it means is `heimdall.query.promql`."""

from heimdall.query.languages.promql.lexer import PromqlError
from heimdall.query.languages.promql.parser import parse, parse_selector

__all__ = ["PromqlError", "parse", "parse_selector"]
