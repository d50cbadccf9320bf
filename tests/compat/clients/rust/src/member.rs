//! One member of a group by rust-rdkafka; settings and what it prints as librdkafka_member.py.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientContext, Message, Offset, TopicPartitionList};
use serde_json::{json, Value};

use crate::Place;

struct Watch;

impl ClientContext for Watch {}

fn numbers(parts: &TopicPartitionList) -> Vec<i32> {
    let mut found: Vec<i32> = parts.elements().iter().map(|one| one.partition()).collect();
    found.sort();
    found
}

fn say(event: Value) {
    println!("{event}");
}

impl ConsumerContext for Watch {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, what: &Rebalance<'_>) {
        if let Rebalance::Revoke(parts) = what {
            say(json!({"revoked": numbers(parts)}));
        }
    }
}

fn setting(settings: &Value, name: &str, otherwise: &str) -> String {
    match settings.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => otherwise.to_string(),
    }
}

pub fn take_part(place: &Place) {
    let settings: Value = serde_json::from_str(&place.words).unwrap();
    let mut config = place.settings(&[("auto.offset.reset", "earliest"), ("enable.auto.commit", "false"), ("heartbeat.interval.ms", "500"),
        ("group.id", &setting(&settings, "group", "")), ("session.timeout.ms", &setting(&settings, "session_ms", "6000")),
        ("partition.assignment.strategy", &setting(&settings, "strategies", "range"))]);
    if settings.get("instance").is_some() {
        config.set("group.instance.id", setting(&settings, "instance", ""));
    }
    let consumer: BaseConsumer<Watch> = config.create_with_context(Watch).unwrap();
    consumer.subscribe(&[&place.topic]).unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let told = done.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        told.store(true, Ordering::SeqCst);
    });
    let mut owned: Option<Vec<i32>> = None;
    let mut read: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
    while !done.load(Ordering::SeqCst) {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(one)) => read.entry(one.partition()).or_default().push(one.offset()),
            Some(Err(error)) => complain(&error),
            None => {}
        }
        let now = numbers(&consumer.assignment().unwrap());
        if owned.as_ref() != Some(&now) && (owned.is_some() || !now.is_empty()) {
            say(json!({"owned": now}));
            owned = Some(now.clone());
        }
        // what is refused in the middle of a rebalance is tried again as long as the partition is ours
        read.retain(|part, _| now.contains(part));
        if read.is_empty() {
            continue;
        }
        let mut positions = TopicPartitionList::new();
        for (part, offsets) in &read {
            positions.add_partition_offset(&place.topic, *part, Offset::Offset(offsets.last().unwrap() + 1)).unwrap();
        }
        match consumer.commit(&positions, CommitMode::Sync) {
            Ok(()) => {
                for (part, offsets) in std::mem::take(&mut read) {
                    for offset in offsets {
                        say(json!({"read": [part, offset]}));
                    }
                }
            }
            Err(error) => complain(&error),
        }
    }
}

fn complain(error: &KafkaError) {
    let fatal = error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal);
    say(json!({"error": format!("{error}"), "fatal": fatal}));
    if fatal {
        std::process::exit(3);
    }
}
