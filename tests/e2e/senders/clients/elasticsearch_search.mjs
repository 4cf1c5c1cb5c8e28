// @elastic/elasticsearch: bulk, then search, msearch, the scroll and search helpers, aggregations, unchanged.
import assert from 'node:assert'
import { Client } from '@elastic/elasticsearch'

const [url, index] = process.argv.slice(2)
const client = new Client({ node: url })
const N = 700
const written = await client.helpers.bulk({
  datasource: Array.from({ length: N }, (_, n) => ({
    '@timestamp': new Date(Date.UTC(2026, 10, 22, 10, 0, n)).toISOString(),
    message: `order ${n} ${n % 7 ? 'placed' : 'refused'}`, service: { name: n % 2 ? 'cart' : 'web' }, level: 'warn', n,
  })),
  onDocument: () => ({ create: { _index: index } }),
})
assert.equal(written.successful, N)
for (let tries = 0; tries < 100; tries++) {
  const { count } = await client.count({ index: `${index},other-*`, ignore_unavailable: true })
  if (count === N) break
  await new Promise((resolve) => setTimeout(resolve, 100))
}
const found = await client.search({
  index, size: 2, query: { match_phrase: { message: 'order 14 refused' } }, sort: [{ '@timestamp': 'desc' }],
  highlight: { pre_tags: ['<b>'], post_tags: ['</b>'], fields: { message: {} } },
})
assert.deepEqual(found.hits.total, { value: 1, relation: 'eq' })
assert.deepEqual(found.hits.hits[0].highlight.message, ['<b>order</b> <b>14</b> <b>refused</b>'])
assert.equal(found.hits.hits[0].sort[0], Date.UTC(2026, 10, 22, 10, 0, 14))
const grouped = await client.search({
  index, size: 0,
  aggs: { level: { terms: { field: 'log.level' }, aggs: { last: { top_hits: { size: 1, _source: ['n'] } } } } },
})
const [bucket] = grouped.aggregations.level.buckets
assert.equal(bucket.key, 'warn')
assert.equal(bucket.doc_count, N)
assert.deepEqual(bucket.last.hits.hits[0]._source, { n: N - 1 })
let seen = 0
for await (const page of client.helpers.scrollSearch({ index, size: 100, query: { match_all: {} } })) {
  seen += page.documents.length
}
assert.equal(seen, N)
const { responses } = await client.msearch({
  searches: [{ index }, { size: 0, query: { term: { 'service.name': 'web' } } }, { index: 'nobody-wrote-this' }, {}],
})
assert.equal(responses[0].hits.total.value, N / 2)
assert.equal(responses[1].status, 404)
assert.equal(responses[1].error.type, 'index_not_found_exception')
await assert.rejects(client.search({ index, query: { nope: {} } }), /parsing_exception/)
await client.close()
