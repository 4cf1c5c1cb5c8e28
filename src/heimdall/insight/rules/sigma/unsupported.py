"""Why a Sigma rule cannot be said in HQL."""

from __future__ import annotations


class Unsupported(ValueError):
    """The message is the reason, for people."""
