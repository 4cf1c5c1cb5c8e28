"""Loki's read side: what Grafana's Loki data source and Logs Drilldown call, answered in Loki's JSON and words."""

from heimdall.api.loki.routes import loki_routes

__all__ = ["loki_routes"]
