// kafkajs against one broker: node client.js BOOTSTRAP TOPIC ACTION [CODEC]; prints one JSON document.
//
// kafkajs offers consumers only as members of a group. Reading an assigned partition uses what its own consumer stands on:
// its cluster and its brokers' fetch, negotiated and decoded by the library.
const { Kafka, CompressionTypes, CompressionCodecs, logLevel, ConfigResourceTypes } = require('kafkajs')
const lz4 = require('lz4js')
const snappy = require('snappyjs')
const zstd = require('@bokuweb/zstd-wasm')

const [bootstrap, topic, action, codec] = process.argv.slice(2)
const text = value => (value === null || value === undefined ? null : value.toString())

// snappy as the Java client frames it: a 16-byte header, then sized blocks
const xerial = {
  compress: async encoder => {
    const block = Buffer.from(snappy.compress(encoder.buffer))
    const head = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0])
    head.writeInt32BE(block.length, 16)
    return Buffer.concat([head, block])
  },
  decompress: async buffer => {
    if (buffer[0] !== 0x82) return Buffer.from(snappy.uncompress(buffer))
    const out = []
    for (let at = 16; at < buffer.length; ) {
      const size = buffer.readInt32BE(at)
      out.push(Buffer.from(snappy.uncompress(buffer.subarray(at + 4, at + 4 + size))))
      at += 4 + size
    }
    return Buffer.concat(out)
  },
}
CompressionCodecs[CompressionTypes.Snappy] = () => xerial
// lz4js frames with linked blocks, which Kafka does not take: the frame here has independent blocks of 64 KiB
function lz4Frame(data) {
  const out = [Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82])]
  for (let at = 0; at < data.length; at += 65536) {
    const piece = data.subarray(at, at + 65536)
    const block = Buffer.alloc(lz4.compressBound(piece.length))
    const size = lz4.compressBlock(piece, block, 0, piece.length, new Uint32Array(1 << 16))
    const head = Buffer.alloc(4)
    head.writeUInt32LE(size ? size : piece.length + 0x80000000)
    out.push(head, size ? block.subarray(0, size) : piece)
  }
  return Buffer.concat([...out, Buffer.alloc(4)])
}
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async encoder => lz4Frame(encoder.buffer),
  decompress: async buffer => Buffer.from(lz4.decompress(buffer)),
})
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async encoder => Buffer.from(zstd.compress(encoder.buffer)),
  decompress: async buffer => Buffer.from(zstd.decompress(buffer)),
})
const codecs = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP, snappy: CompressionTypes.Snappy,
                 lz4: CompressionTypes.LZ4, zstd: CompressionTypes.ZSTD }

const kafka = new Kafka({ clientId: 'compat-node', brokers: [bootstrap], logLevel: logLevel.NOTHING, retry: { retries: 3 } })

async function readPartition(partition, count) {
  const symbols = Object.getOwnPropertySymbols(kafka)
  const make = kafka[symbols.find(symbol => symbol.description === 'private:Kafka:createCluster')]
  const cluster = make({ allowAutoTopicCreation: false, isolationLevel: 1 })
  await cluster.connect()
  await cluster.addTargetTopic(topic)
  const { leader } = cluster.findTopicPartitionMetadata(topic).find(entry => entry.partitionId === partition)
  const broker = await cluster.findBroker({ nodeId: leader })
  const rows = []
  let offset = 0
  for (let turn = 0; turn < 50 && rows.length < count; turn++) {
    const answer = await broker.fetch({ maxWaitTime: 500, minBytes: 1, maxBytes: 1 << 20, isolationLevel: 1, rackId: '',
      topics: [{ topic, partitions: [{ partition, fetchOffset: String(offset), maxBytes: 1 << 20 }] }] })
    for (const part of answer.responses[0].partitions)
      for (const message of part.messages) {
        if (Number(message.offset) < offset) continue
        rows.push({ offset: Number(message.offset), key: text(message.key), value: text(message.value),
                    headers: Object.entries(message.headers).map(([name, value]) => [name, text(value)]) })
        offset = Number(message.offset) + 1
      }
  }
  await cluster.disconnect()
  return rows
}

async function roundtrip() {
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  const messages = []
  for (let index = 0; index < 50; index++)
    messages.push({ partition: 0, key: `key ${index}`, value: `value ${index} `.repeat(5), headers: { a: '1', b: `${index}` } })
  messages.push({ partition: 0, key: 'deleted', value: null }, { partition: 0, key: null, value: 'no key' })
  await producer.send({ topic, acks: -1, compression: codecs[codec], messages })
  await producer.disconnect()
  return { rows: await readPartition(0, 52) }
}

async function idempotent() {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false })
  await producer.connect()
  for (let index = 0; index < 20; index++)
    await producer.send({ topic, messages: [{ partition: 0, value: `${index}` }] })
  await producer.disconnect()
  return { rows: (await readPartition(0, 20)).map(row => row.value) }
}

async function administer() {
  const admin = kafka.admin()
  await admin.connect()
  const out = {}
  out.created = await admin.createTopics({ topics: [{ topic, numPartitions: 3, replicationFactor: 1,
    configEntries: [{ name: 'retention.ms', value: '86400000' }] }] })
  out.again = await admin.createTopics({ topics: [{ topic }] })
  out.listed = (await admin.listTopics()).includes(topic)
  await admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] })
  // what was asked for shows a moment after the answer
  const settled = async (read, wanted) => {
    let seen = await read()
    for (let turn = 0; turn < 100 && seen !== wanted; turn++) {
      await new Promise(resolve => setTimeout(resolve, 50))
      seen = await read()
    }
    return seen
  }
  out.partitions = await settled(async () => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions.length, 5)
  const retention = async () => (await admin.describeConfigs({ resources: [
    { type: ConfigResourceTypes.TOPIC, name: topic, configNames: ['retention.ms'] }] })).resources[0].configEntries[0].configValue
  out.retention = await retention()
  await admin.alterConfigs({ resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries: [{ name: 'retention.ms', value: '1000000' }] }] })
  out.changed = await settled(retention, '1000000')
  out.offsets = (await admin.fetchTopicOffsets(topic)).map(entry => [entry.partition, entry.low, entry.high]).sort()
  const cluster = await admin.describeCluster()
  out.cluster = [cluster.brokers.length, typeof cluster.clusterId]
  await admin.deleteTopics({ topics: [topic] })
  out.left = await settled(async () => (await admin.listTopics()).includes(topic), false)
  await admin.disconnect()
  return out
}

zstd.init()
  .then(() => ({ roundtrip, idempotent, admin: administer })[action]())
  .then(result => { console.log(JSON.stringify(result)); process.exit(0) })
  .catch(error => { console.error(error); process.exit(1) })
