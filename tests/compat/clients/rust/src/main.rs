//! rust-rdkafka against one broker: weir-compat-rust BOOTSTRAP TOPIC ACTION [WORDS]; prints one JSON document.

mod member;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Headers, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use serde_json::{json, Value};

pub const WAIT: Duration = Duration::from_secs(15);

pub struct Place {
    pub bootstrap: String,
    pub topic: String,
    pub words: String,
}

impl Place {
    pub fn settings(&self, more: &[(&str, &str)]) -> ClientConfig {
        let mut made = ClientConfig::new();
        made.set("bootstrap.servers", &self.bootstrap).set("client.id", "compat-rust");
        for (name, value) in more {
            made.set(*name, *value);
        }
        made
    }

    fn list(&self, offsets: &[(i32, Offset)]) -> TopicPartitionList {
        let mut made = TopicPartitionList::new();
        for (part, offset) in offsets {
            made.add_partition_offset(&self.topic, *part, *offset).unwrap();
        }
        made
    }

    fn reader(&self, group: &str) -> BaseConsumer {
        self.settings(&[("group.id", group), ("enable.auto.commit", "false"), ("auto.offset.reset", "earliest"),
            ("isolation.level", "read_committed")]).create().unwrap()
    }
}

fn text(data: Option<&[u8]>) -> Option<String> {
    data.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

fn read(consumer: &BaseConsumer, count: usize) -> Vec<Value> {
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut rows = Vec::new();
    while rows.len() < count && Instant::now() < deadline {
        if let Some(polled) = consumer.poll(Duration::from_millis(200)) {
            let one = polled.unwrap();
            let headers: Vec<Value> = one.headers().map_or(Vec::new(), |all| all.iter().map(|h| json!([h.key, text(h.value)])).collect());
            rows.push(json!({"offset": one.offset(), "key": text(one.key()), "value": text(one.payload()), "headers": headers}));
        }
    }
    rows
}

async fn send(producer: &FutureProducer, records: Vec<FutureRecord<'_, String, String>>) {
    let sent: Vec<_> = records.into_iter().map(|one| producer.send_result(one).map_err(|(error, _)| error).unwrap()).collect();
    for one in sent {
        one.await.unwrap().map_err(|(error, _)| error).unwrap();
    }
}

async fn roundtrip(place: &Place) -> Value {
    let producer: FutureProducer = place.settings(&[("compression.type", &place.words), ("linger.ms", "50"), ("acks", "all")]).create().unwrap();
    let pairs: Vec<(String, String)> = (0..50).map(|index| (format!("key {index}"), format!("value {index} ").repeat(5))).collect();
    let (deleted, no_key) = ("deleted".to_string(), "no key".to_string());
    let mut records: Vec<FutureRecord<String, String>> = pairs.iter().map(|(key, value)| {
        let headers = OwnedHeaders::new().insert(Header { key: "a", value: Some("1") }).insert(Header { key: "b", value: Some("2") })
            .insert(Header { key: "a", value: None::<&str> });
        FutureRecord::to(&place.topic).partition(0).key(key).payload(value).headers(headers)
    }).collect();
    records.push(FutureRecord::to(&place.topic).partition(0).key(&deleted));
    records.push(FutureRecord::to(&place.topic).partition(0).payload(&no_key));
    send(&producer, records).await;
    let reader = place.reader("unused");
    reader.assign(&place.list(&[(0, Offset::Beginning)])).unwrap();
    let rows = read(&reader, 52);
    let (low, high) = reader.fetch_watermarks(&place.topic, 0, WAIT).unwrap();
    let times = reader.offsets_for_times(place.list(&[(0, Offset::Offset(1))]), WAIT).unwrap();
    reader.seek(&place.topic, 0, Offset::Offset(51), WAIT).unwrap();
    let again = read(&reader, 1);
    json!({"rows": rows, "low": low, "high": high, "by time": format!("{:?}", times.elements()[0].offset()), "after seek": again[0]["offset"]})
}

async fn idempotent(place: &Place) -> Value {
    let producer: FutureProducer = place.settings(&[("enable.idempotence", "true"), ("batch.num.messages", "10")]).create().unwrap();
    let values: Vec<String> = (0..200).map(|index| index.to_string()).collect();
    send(&producer, values.iter().map(|value| FutureRecord::to(&place.topic).partition(0).payload(value)).collect()).await;
    let reader = place.reader("unused");
    reader.assign(&place.list(&[(0, Offset::Beginning)])).unwrap();
    json!({"rows": read(&reader, 200).iter().map(|row| row["value"].clone()).collect::<Vec<_>>()})
}

fn word<T, E: std::fmt::Debug>(results: Result<Vec<Result<T, (String, E)>>, rdkafka::error::KafkaError>) -> String {
    match results {
        Ok(all) => match all.into_iter().next() {
            Some(Ok(_)) => "ok".to_string(),
            Some(Err((_, code))) => format!("{code:?}"),
            None => "nothing".to_string(),
        },
        Err(error) => error.to_string(),
    }
}

async fn administer(place: &Place) -> Value {
    let admin: AdminClient<DefaultClientContext> = place.settings(&[]).create().unwrap();
    let options = AdminOptions::new().operation_timeout(Some(WAIT));
    let topic = || NewTopic::new(&place.topic, 3, TopicReplication::Fixed(1)).set("retention.ms", "86400000");
    let created = word(admin.create_topics(&[topic()], &options).await);
    let again = word(admin.create_topics(&[topic()], &options).await);
    let bad_name = word(admin.create_topics(&[NewTopic::new("a b", 1, TopicReplication::Fixed(1))], &options).await);
    let grown = word(admin.create_partitions(&[NewPartitions::new(&place.topic, 5)], &options).await);
    let shrunk = word(admin.create_partitions(&[NewPartitions::new(&place.topic, 2)], &options).await);
    let reader = place.reader("unused");
    let partitions = || reader.fetch_metadata(Some(&place.topic), WAIT).unwrap().topics()[0].partitions().len();
    for _ in 0..100 {
        if partitions() == 5 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let resource = ResourceSpecifier::Topic(&place.topic);
    let before = retention(&admin, &resource, &options).await;
    let altered = admin.alter_configs(&[AlterConfig::new(ResourceSpecifier::Topic(&place.topic)).set("retention.ms", "1000000")], &options)
        .await.unwrap().pop().unwrap().map_or_else(|error| format!("{:?}", error.1), |_| "ok".to_string());
    for _ in 0..100 {
        if retention(&admin, &resource, &options).await.starts_with("1000000") {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let after = retention(&admin, &resource, &options).await;
    let producer: FutureProducer = place.settings(&[]).create().unwrap();
    let values: Vec<String> = (0..20).map(|index| index.to_string()).collect();
    send(&producer, values.iter().map(|value| FutureRecord::to(&place.topic).partition(0).payload(value)).collect()).await;
    let cut = admin.delete_records(&place.list(&[(0, Offset::Offset(7))]), &options).await.unwrap();
    let records_deleted = format!("{:?} {:?}", cut.elements()[0].offset(), cut.elements()[0].error());
    let low = reader.fetch_watermarks(&place.topic, 0, WAIT).unwrap().0;
    let found = partitions();
    let deleted = word(admin.delete_topics(&[&place.topic], &options).await);
    let deleted_again = word(admin.delete_topics(&[&place.topic], &options).await);
    json!({"created": created, "again": again, "bad name": bad_name, "grown": grown, "shrunk": shrunk, "partitions": found, "retention": before,
        "altered": altered, "changed": after, "records deleted": records_deleted, "low": low, "deleted": deleted, "deleted again": deleted_again})
}

async fn retention(admin: &AdminClient<DefaultClientContext>, resource: &ResourceSpecifier<'_>, options: &AdminOptions) -> String {
    let described = admin.describe_configs([resource], options).await.unwrap().pop().unwrap().unwrap();
    let entry = described.get("retention.ms").unwrap();
    format!("{} {:?}", entry.value.as_deref().unwrap_or("null"), entry.source)
}

async fn groups(place: &Place) -> Value {
    let producer: FutureProducer = place.settings(&[]).create().unwrap();
    let values: Vec<String> = (0..20).map(|index| index.to_string()).collect();
    let records = values.iter().enumerate().map(|(index, value)| FutureRecord::to(&place.topic).partition(index as i32 % 2).payload(value));
    send(&producer, records.collect()).await;
    let member = place.reader(&place.words);
    member.subscribe(&[&place.topic]).unwrap();
    let count = read(&member, 20).len();
    let positions = place.list(&[(0, Offset::Offset(5)), (1, Offset::Offset(6))]);
    member.commit(&positions, rdkafka::consumer::CommitMode::Sync).unwrap();
    let list = member.fetch_group_list(Some(&place.words), WAIT).unwrap();
    let group = &list.groups()[0];
    let described = json!([group.name(), group.state(), group.protocol_type(), group.protocol(), group.members().len()]);
    let admin: AdminClient<DefaultClientContext> = place.settings(&[]).create().unwrap();
    let options = AdminOptions::new();
    let in_use = word(admin.delete_groups(&[&place.words], &options).await);
    let committed = |consumer: &BaseConsumer| -> BTreeMap<String, String> {
        let asked = consumer.committed_offsets(place.list(&[(0, Offset::Invalid), (1, Offset::Invalid)]), WAIT).unwrap();
        asked.elements().iter().map(|one| (one.partition().to_string(), format!("{:?}", one.offset()))).collect()
    };
    let told = committed(&member);
    member.unsubscribe();
    drop(member);
    let again = place.reader(&place.words);
    let left = committed(&again);
    drop(again);
    let deleted = word(admin.delete_groups(&[&place.words], &options).await);
    let deleted_again = word(admin.delete_groups(&[&place.words], &options).await);
    json!({"read": count, "described": described, "deleted while in use": in_use, "positions": told, "positions afterwards": left,
        "deleted": deleted, "deleted again": deleted_again})
}

fn main() {
    let mut words = std::env::args().skip(1);
    let mut next = || words.next().unwrap_or_default();
    let (bootstrap, topic, action, words) = (next(), next(), next(), next());
    let place = Place { bootstrap, topic, words };
    let machine = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let told = match action.as_str() {
        "roundtrip" => machine.block_on(roundtrip(&place)),
        "idempotent" => machine.block_on(idempotent(&place)),
        "admin" => machine.block_on(administer(&place)),
        "groups" => machine.block_on(groups(&place)),
        "member" => return member::take_part(&place),
        _ => panic!("no action {action}"),
    };
    println!("{told}");
}
