"""Prometheus' read API: what Grafana's Prometheus data source asks."""

from heimdall.api.prometheus.routes import prometheus_routes

__all__ = ["prometheus_routes"]
