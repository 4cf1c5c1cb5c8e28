"""Elasticsearch's query DSL and its aggregations, read into the one tree every language becomes.

`queries` reads clauses into a predicate; `aggregations` plans an aggregation as grouped statements, one a level, and
puts their rows together. Field names are Elastic Common Schema's and Heimdall's own alike (`names`).
Source: Elasticsearch reference 8.19 and 9, Query DSL and Aggregations.
"""
