"""LogQL answered: what narrows a question is asked of the query service in its own tree, the rest is done on columns.

push      what of a log query every engine can do: a predicate, and the stages that are left
reader    records → lines with labels, newest first, in bounded batches
stages    filters, parsers and formats over columns of lines
ranges    samples in windows; counts by labels as one grouped statement
vectors   what stands around them: aggregations and operators
service   Loki's questions
"""

from heimdall.query.logql.service import LokiService

__all__ = ["LokiService"]
