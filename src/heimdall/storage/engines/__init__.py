"""Adapters of the `Engine` port, one module or package each."""
