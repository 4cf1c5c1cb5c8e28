"""A query over columns in memory, the second reading of the language: `evaluation` runs it with Polars."""
