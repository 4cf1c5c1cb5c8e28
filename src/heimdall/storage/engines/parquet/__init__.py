"""Records as Parquet files: how one is laid out and written, and what is known of it without reading it.

`layout` is the columns, `writer` makes files, `sketches` says which files cannot hold a value.
"""
