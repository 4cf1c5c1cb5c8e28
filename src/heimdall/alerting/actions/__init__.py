"""Adapters of the port `Action`."""
