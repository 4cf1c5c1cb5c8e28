"""OpenTelemetry's SDK for Python with its exporters, HTTP or gRPC."""

import logging
import sys

from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource

form, address, service, compression = sys.argv[1:]
if form == "grpc":
    from grpc import Compression
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter

    gzip = Compression.Gzip if compression == "gzip" else Compression.NoCompression
    exporter = OTLPLogExporter(endpoint=address, insecure=True, compression=gzip)
else:
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter

    gzip = Compression.Gzip if compression == "gzip" else Compression.NoCompression
    exporter = OTLPLogExporter(endpoint=f"{address}/v1/logs", compression=gzip)

provider = LoggerProvider(resource=Resource.create({"service.name": service}))
provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
log = logging.getLogger("shop")
log.addHandler(LoggingHandler(logger_provider=provider))
for n in range(700):
    log.warning("order %d is late", n, extra={"n": n, "customer.id": f"c{n % 9}"})
assert provider.force_flush()
provider.shutdown()
