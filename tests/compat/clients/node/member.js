// One member of a group by kafkajs: node member.js BOOTSTRAP TOPIC SETTINGS(JSON); as librdkafka_member.py. Round robin only.
const { Kafka, logLevel } = require('kafkajs')

const [bootstrap, topic, json] = process.argv.slice(2)
const settings = JSON.parse(json)
const say = event => console.log(JSON.stringify(event))

const kafka = new Kafka({ clientId: 'compat-node', brokers: [bootstrap], logLevel: logLevel.NOTHING, retry: { retries: 20, maxRetryTime: 1000 } })
const consumer = kafka.consumer({ groupId: settings.group, sessionTimeout: settings.session_ms || 6000, heartbeatInterval: 500,
                                  rebalanceTimeout: 6000, maxWaitTimeInMs: 200 })
consumer.on(consumer.events.REBALANCING, () => say({ rebalancing: true }))
consumer.on(consumer.events.GROUP_JOIN, event => say({ owned: (event.payload.memberAssignment[topic] || []).sort() }))
consumer.on(consumer.events.CRASH, event => say({ error: event.payload.error.name, fatal: !event.payload.restart }))

async function main() {
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message }) => {
      await consumer.commitOffsets([{ topic, partition, offset: String(Number(message.offset) + 1) }])
      say({ read: [partition, Number(message.offset)] })
    },
  })
  process.stdin.resume()
  await new Promise(resolve => process.stdin.on('end', resolve))
  await consumer.disconnect()
  process.exit(0)
}
main().catch(error => { say({ error: error.name, fatal: true }); process.exit(3) })
