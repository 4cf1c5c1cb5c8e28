"""VictoriaLogs' read side: what vlogscli and Grafana's VictoriaLogs data source call, in VictoriaLogs' shapes."""

from heimdall.api.victorialogs.routes import victorialogs_routes

__all__ = ["victorialogs_routes"]
