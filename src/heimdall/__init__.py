"""Heimdall: logs from any sender, stored once and never lost, searched in milliseconds."""

__version__ = "0.1.0"
