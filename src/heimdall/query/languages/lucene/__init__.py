"""Lucene's query syntax, as `query_string` and a search box take it, and its forgiving sister `simple_query_string`."""
