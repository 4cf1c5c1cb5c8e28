// splunk-logging, Splunk's own library for JavaScript, in batches.
import splunk from 'splunk-logging'

const [url, service] = process.argv.slice(2)
const logger = new splunk.Logger({ token: '00000000-0000-0000-0000-000000000000', url, maxBatchCount: 25 })
logger.error = (error) => { console.error(error); process.exit(1) }
for (let n = 0; n < 50; n++) {
  logger.send({ message: 'card declined', severity: 'error', metadata: { host: 'web-1', source: service } })
}
