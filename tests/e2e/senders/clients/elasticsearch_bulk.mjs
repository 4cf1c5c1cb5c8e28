// @elastic/elasticsearch: the bulk helper, unchanged.
import assert from 'node:assert'
import { Client } from '@elastic/elasticsearch'

const [url, service] = process.argv.slice(2)
const client = new Client({ node: url })
assert.equal((await client.info()).tagline, 'You Know, for Search')
const documents = Array.from({ length: 500 }, (_, n) => ({
  '@timestamp': '2026-11-22T10:00:00Z', message: `order ${n} placed`, service: { name: service }, level: 'warn', n,
}))
const told = await client.helpers.bulk({
  datasource: documents,
  onDocument: () => ({ create: { _index: 'logs-shop-default' } }),
})
assert.equal(told.successful, 500)
assert.equal(told.failed, 0)
await client.close()
