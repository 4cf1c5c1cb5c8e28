// pino with pino-elasticsearch as its destination.
import pino from 'pino'
import stream from 'pino-elasticsearch'

const [url, service] = process.argv.slice(2)
const target = stream({ index: 'pino', node: url, esVersion: 8, flushBytes: 1000, flushInterval: 200 })
target.on('insertError', (error) => { console.error(error); process.exit(1) })
target.on('error', (error) => { console.error(error); process.exit(1) })
const log = pino({ base: { service } }, target)
for (let n = 0; n < 50; n++) log.error({ n }, 'card declined')
target.end()
