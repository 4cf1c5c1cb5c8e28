"""LogsQL, VictoriaLogs' language, as far as HQL can say the same."""

from heimdall.query.languages.logsql.parser import parse

__all__ = ["parse"]
