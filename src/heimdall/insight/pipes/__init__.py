"""Words of the query language that insight brings; `pyproject.toml` lists them under `heimdall.pipes`."""
