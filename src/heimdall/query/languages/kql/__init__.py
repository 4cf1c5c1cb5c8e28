"""Kibana's query language: filters over documents, with the field names of Elastic Common Schema."""

from heimdall.query.languages.kql.parser import parse

__all__ = ["parse"]
