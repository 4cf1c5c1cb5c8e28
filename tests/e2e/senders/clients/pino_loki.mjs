// pino with pino-loki as its transport, with structured metadata off and on.
import pino from 'pino'

const [url, service] = process.argv.slice(2)
const transport = pino.transport({
  target: 'pino-loki',
  options: { host: url, batching: { interval: 0.1 }, labels: { service_name: service }, silenceErrors: false },
})
const log = pino(transport)
for (let n = 0; n < 50; n++) log.error({ n }, 'card declined')
log.flush()
setTimeout(() => { transport.end() }, 500)
transport.on('close', () => process.exit(0))
