"""Aggregations: read (`reading`), run as grouped statements, one a level (`running`), told as Elasticsearch does."""
