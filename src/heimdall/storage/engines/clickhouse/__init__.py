"""ClickHouse as a tier: in this process (chDB) today, the same statements for a server.

`layout` is the table as data, `connection` the driver, `engine` the adapter, `errors` the only place that knows the
driver's exceptions.
"""

from heimdall.storage.engines.clickhouse.engine import ClickHouseEngine

__all__ = ["ClickHouseEngine"]
