// OpenTelemetry's SDK for JavaScript with its exporters: JSON and protobuf over HTTP, gRPC.
import { SeverityNumber } from '@opentelemetry/api-logs'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs'

const [form, address, service] = process.argv.slice(2)
const { OTLPLogExporter } = await import(`@opentelemetry/exporter-logs-otlp-${form}`)
const url = form === 'grpc' ? `http://${address}` : `${address}/v1/logs`
const processor = new BatchLogRecordProcessor({ exporter: new OTLPLogExporter({ url }) })
const provider = new LoggerProvider({
  resource: resourceFromAttributes({ 'service.name': service }), processors: [processor],
})
const log = provider.getLogger('shop')
for (let n = 0; n < 300; n++) {
  log.emit({ severityNumber: SeverityNumber.WARN, body: `order ${n} is late`, attributes: { n, nested: { a: [1, 'b'] } } })
}
await provider.forceFlush()
await provider.shutdown()
