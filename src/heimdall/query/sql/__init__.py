"""A query as one statement of ClickHouse SQL: `statement` builds it from searches, expressions and typed values."""
