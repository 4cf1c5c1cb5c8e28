// winston with winston-loki: protobuf with snappy, or JSON.
import winston from 'winston'
import LokiTransport from 'winston-loki'

const [url, service, form] = process.argv.slice(2)
const loki = new LokiTransport({
  host: url, json: form === 'json', labels: { app: service }, interval: 1, batching: true, replaceTimestamp: true,
  onConnectionError: (error) => { console.error(error); process.exit(1) },
})
const log = winston.createLogger({ level: 'info', transports: [loki] })
for (let n = 0; n < 50; n++) log.warn('upstream is slow', { n, labels: { pod: 'web-1' } })
await loki.flush()
log.close()
setTimeout(() => process.exit(0), 200)
