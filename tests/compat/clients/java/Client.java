import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.ConsumerGroupListing;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.Header;

/**
 * Kafka's Java client against one broker: Client BOOTSTRAP TOPIC ACTION [WORDS]; prints one JSON document.
 *
 * One source for every version from 2.1.1 to 4.3.1: what came later or went away is looked up when it is called.
 */
public class Client {
    static String bootstrap;
    static String topic;

    static Properties settings(String... words) {
        Properties made = new Properties();
        made.put("bootstrap.servers", bootstrap);
        made.put("client.id", "compat-java");
        made.put("metadata.max.age.ms", "1000");
        for (int index = 0; index < words.length; index += 2) made.put(words[index], words[index + 1]);
        return made;
    }

    static KafkaConsumer<String, String> consumer(String... words) {
        Properties made = settings(words);
        for (String side : List.of("key", "value")) made.put(side + ".deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
        made.put("enable.auto.commit", "false");
        return new KafkaConsumer<>(made);
    }

    static KafkaProducer<String, String> producer(String... words) {
        Properties made = settings(words);
        for (String side : List.of("key", "value")) made.put(side + ".serializer", "org.apache.kafka.common.serialization.StringSerializer");
        made.putIfAbsent("acks", "all");
        return new KafkaProducer<>(made);
    }

    static void send(KafkaProducer<String, String> producer, List<ProducerRecord<String, String>> records) throws Exception {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (ProducerRecord<String, String> one : records) sent.add(producer.send(one));
        producer.flush();
        for (Future<RecordMetadata> one : sent) one.get(20, TimeUnit.SECONDS);
        producer.close();
    }

    static List<ConsumerRecord<String, String>> read(KafkaConsumer<String, String> consumer, int count) {
        List<ConsumerRecord<String, String>> rows = new ArrayList<>();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (rows.size() < count && System.nanoTime() < deadline)
            for (ConsumerRecord<String, String> one : consumer.poll(Duration.ofMillis(200))) rows.add(one);
        return rows;
    }

    static Map<String, Object> roundtrip(String codec) throws Exception {
        List<ProducerRecord<String, String>> records = new ArrayList<>();
        for (int index = 0; index < 50; index++) {
            ProducerRecord<String, String> one = new ProducerRecord<>(topic, 0, "key " + index, ("value " + index + " ").repeat(5));
            one.headers().add("a", "1".getBytes()).add("b", ("" + index).getBytes()).add("a", null);
            records.add(one);
        }
        records.add(new ProducerRecord<>(topic, 0, "deleted", null));
        records.add(new ProducerRecord<>(topic, 0, null, "no key"));
        send(producer("compression.type", codec, "linger.ms", "50", "enable.idempotence", "false"), records);
        KafkaConsumer<String, String> reader = consumer("isolation.level", "read_committed", "auto.offset.reset", "none");
        TopicPartition part = new TopicPartition(topic, 0);
        reader.assign(List.of(part));
        reader.seek(part, 0);
        List<Object> rows = new ArrayList<>();
        for (ConsumerRecord<String, String> one : read(reader, 52)) {
            List<Object> headers = new ArrayList<>();
            for (Header header : one.headers())
                headers.add(Arrays.asList(header.key(), header.value() == null ? null : new String(header.value(), StandardCharsets.UTF_8)));
            rows.add(map("offset", one.offset(), "key", one.key(), "value", one.value(), "headers", headers,
                         "type", one.timestampType().toString(), "epoch", one.leaderEpoch().orElse(-1)));
        }
        Map<String, Object> out = map("rows", rows, "first", reader.beginningOffsets(List.of(part)).get(part),
                                      "end", reader.endOffsets(List.of(part)).get(part),
                                      "by time", reader.offsetsForTimes(Map.of(part, 1L)).get(part).offset(),
                                      "past the end", String.valueOf(reader.offsetsForTimes(Map.of(part, Long.MAX_VALUE)).get(part)),
                                      "partitions", reader.partitionsFor(topic).size(), "listed", reader.listTopics().containsKey(topic));
        reader.seek(part, 51);
        out.put("after seek", read(reader, 1).get(0).offset());
        reader.seek(part, 1000);
        try {
            reader.poll(Duration.ofSeconds(5));
            out.put("out of range", "nothing");
        } catch (Exception error) {
            out.put("out of range", error.getClass().getSimpleName());
        }
        reader.close();
        return out;
    }

    static Map<String, Object> idempotent() throws Exception {
        List<ProducerRecord<String, String>> records = new ArrayList<>();
        for (int index = 0; index < 200; index++) records.add(new ProducerRecord<>(topic, 0, null, "" + index));
        send(producer("enable.idempotence", "true", "batch.size", "200", "max.in.flight.requests.per.connection", "5"), records);
        KafkaConsumer<String, String> reader = consumer("auto.offset.reset", "earliest");
        reader.assign(List.of(new TopicPartition(topic, 0)));
        List<String> rows = new ArrayList<>();
        for (ConsumerRecord<String, String> one : read(reader, 200)) rows.add(one.value());
        reader.close();
        return map("rows", rows);
    }

    /** What became of a request: "ok", or the name of the exception. */
    static String word(Future<?> future) {
        try {
            future.get(20, TimeUnit.SECONDS);
            return "ok";
        } catch (ExecutionException error) {
            return error.getCause().getClass().getSimpleName();
        } catch (Exception error) {
            return error.getClass().getSimpleName();
        }
    }

    static Method method(Object owner, String name, int parameters) {
        for (Method one : owner.getClass().getMethods())
            if (one.getName().equals(name) && one.getParameterCount() == parameters && !one.isVarArgs()) {
                one.setAccessible(true);
                return one;
            }
        return null;
    }

    @SuppressWarnings("unchecked")
    static Map<String, TopicDescription> describe(AdminClient admin) throws Exception {
        Object result = admin.describeTopics(List.of(topic));
        Method all = method(result, "allTopicNames", 0);
        if (all == null) all = method(result, "all", 0);
        return ((KafkaFuture<Map<String, TopicDescription>>) all.invoke(result)).get(20, TimeUnit.SECONDS);
    }

    /** Sets a topic's retention: one setting where the client can say so, the whole configuration where it cannot. */
    static String alter(AdminClient admin, ConfigResource resource, String value) throws Exception {
        ConfigEntry entry = new ConfigEntry("retention.ms", value);
        Method incremental = method(admin, "incrementalAlterConfigs", 1);
        Object result;
        if (incremental != null) {
            Class<?> op = Class.forName("org.apache.kafka.clients.admin.AlterConfigOp");
            Class<?> type = Class.forName("org.apache.kafka.clients.admin.AlterConfigOp$OpType");
            Object set = op.getConstructor(ConfigEntry.class, type).newInstance(entry, type.getField("SET").get(null));
            result = incremental.invoke(admin, Map.of(resource, List.of(set)));
        } else {
            result = method(admin, "alterConfigs", 1).invoke(admin, Map.of(resource, new Config(List.of(entry))));
        }
        return word((Future<?>) method(result, "all", 0).invoke(result));
    }

    static String retention(AdminClient admin, ConfigResource resource) throws Exception {
        ConfigEntry entry = admin.describeConfigs(List.of(resource)).all().get(20, TimeUnit.SECONDS).get(resource).get("retention.ms");
        return entry.value() + " " + entry.source();
    }

    static Map<String, Object> administer() throws Exception {
        Map<String, Object> out = new LinkedHashMap<>();
        AdminClient admin = AdminClient.create(settings());
        NewTopic wanted = new NewTopic(topic, 3, (short) 1).configs(Map.of("retention.ms", "86400000"));
        out.put("created", word(admin.createTopics(List.of(wanted)).all()));
        out.put("again", word(admin.createTopics(List.of(wanted)).all()));
        out.put("bad name", word(admin.createTopics(List.of(new NewTopic("a b", 1, (short) 1))).all()));
        out.put("too many replicas", word(admin.createTopics(List.of(new NewTopic(topic + "-2", 1, (short) 3))).all()));
        out.put("grown", word(admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all()));
        out.put("shrunk", word(admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(2))).all()));
        for (int turn = 0; turn < 100 && describe(admin).get(topic).partitions().size() != 5; turn++) Thread.sleep(50);
        TopicDescription described = describe(admin).get(topic);
        out.put("described", List.of(described.partitions().size(), described.isInternal(), described.partitions().get(0).replicas().size()));
        out.put("listed", admin.listTopics().names().get(20, TimeUnit.SECONDS).contains(topic));
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        out.put("retention", retention(admin, resource));
        out.put("altered", alter(admin, resource, "1000000"));
        for (int turn = 0; turn < 100 && !retention(admin, resource).startsWith("1000000"); turn++) Thread.sleep(50);
        out.put("changed", retention(admin, resource));
        out.put("refused", alter(admin, resource, "soon"));
        out.put("nodes", admin.describeCluster().nodes().get(20, TimeUnit.SECONDS).size());
        out.put("controller", admin.describeCluster().controller().get(20, TimeUnit.SECONDS) != null);
        out.put("log directories", admin.describeLogDirs(List.of(1)) != null);
        List<ProducerRecord<String, String>> records = new ArrayList<>();
        for (int index = 0; index < 20; index++) records.add(new ProducerRecord<>(topic, 0, null, "" + index));
        send(producer(), records);
        TopicPartition part = new TopicPartition(topic, 0);
        out.put("records deleted", admin.deleteRecords(Map.of(part, RecordsToDelete.beforeOffset(7))).lowWatermarks().get(part)
                .get(20, TimeUnit.SECONDS).lowWatermark());
        out.put("deleted", word(admin.deleteTopics(List.of(topic)).all()));
        out.put("deleted again", word(admin.deleteTopics(List.of(topic)).all()));
        admin.close();
        return out;
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> groups(String group) throws Exception {
        Map<String, Object> out = new LinkedHashMap<>();
        List<ProducerRecord<String, String>> records = new ArrayList<>();
        for (int index = 0; index < 20; index++) records.add(new ProducerRecord<>(topic, index % 2, null, "" + index));
        send(producer(), records);
        TopicPartition zero = new TopicPartition(topic, 0);
        TopicPartition one = new TopicPartition(topic, 1);
        KafkaConsumer<String, String> member = consumer("group.id", group, "auto.offset.reset", "earliest");
        member.subscribe(List.of(topic));
        out.put("read", read(member, 20).size());
        member.commitSync(Map.of(zero, new OffsetAndMetadata(5, "five"), one, new OffsetAndMetadata(6)));
        AdminClient admin = AdminClient.create(settings());
        boolean listed = false;
        for (ConsumerGroupListing entry : admin.listConsumerGroups().all().get(20, TimeUnit.SECONDS)) listed |= entry.groupId().equals(group);
        out.put("listed", listed);
        ConsumerGroupDescription described = admin.describeConsumerGroups(List.of(group)).all().get(20, TimeUnit.SECONDS).get(group);
        Method state = method(described, "groupState", 0) == null ? method(described, "state", 0) : method(described, "groupState", 0);
        out.put("described", List.of(state.invoke(described).toString(), described.partitionAssignor(), described.members().size(),
                                     described.isSimpleConsumerGroup()));
        out.put("assigned", described.members().iterator().next().assignment().topicPartitions().size());
        out.put("deleted while in use", word(admin.deleteConsumerGroups(List.of(group)).all()));
        member.close();
        Map<TopicPartition, OffsetAndMetadata> positions =
            admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get(20, TimeUnit.SECONDS);
        Map<String, Object> told = new TreeMap<>();
        positions.forEach((part, position) -> told.put("" + part.partition(), position.offset() + " " + position.metadata()));
        out.put("positions", told);
        Method change = method(admin, "alterConsumerGroupOffsets", 2);
        if (change != null) {
            Object result = change.invoke(admin, group, Map.of(zero, new OffsetAndMetadata(2)));
            out.put("changed", word((Future<?>) method(result, "all", 0).invoke(result)));
        }
        Method forget = method(admin, "deleteConsumerGroupOffsets", 2);
        if (forget != null) {
            Object result = forget.invoke(admin, group, Collections.singleton(one));
            out.put("forgotten", word((Future<?>) method(result, "all", 0).invoke(result)));
        }
        Map<TopicPartition, OffsetAndMetadata> now =
            admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get(20, TimeUnit.SECONDS);
        Map<String, Object> left = new TreeMap<>();
        now.forEach((part, position) -> left.put("" + part.partition(), position == null ? null : position.offset()));
        out.put("positions afterwards", left);
        KafkaConsumer<String, String> again = consumer("group.id", group, "auto.offset.reset", "earliest");
        again.assign(List.of(zero));
        out.put("goes on at", read(again, 1).get(0).offset());
        again.close();
        out.put("deleted", word(admin.deleteConsumerGroups(List.of(group)).all()));
        out.put("deleted again", word(admin.deleteConsumerGroups(List.of(group)).all()));
        admin.close();
        return out;
    }

    // -- JSON

    static Map<String, Object> map(Object... words) {
        Map<String, Object> made = new LinkedHashMap<>();
        for (int index = 0; index < words.length; index += 2) made.put((String) words[index], words[index + 1]);
        return made;
    }

    static String json(Object value) {
        if (value instanceof Map) {
            List<String> parts = new ArrayList<>();
            ((Map<?, ?>) value).forEach((key, one) -> parts.add(json(key) + ":" + json(one)));
            return "{" + String.join(",", parts) + "}";
        }
        if (value instanceof Collection) {
            List<String> parts = new ArrayList<>();
            for (Object one : (Collection<?>) value) parts.add(json(one));
            return "[" + String.join(",", parts) + "]";
        }
        if (value == null || value instanceof Number || value instanceof Boolean) return String.valueOf(value);
        return "\"" + value.toString().replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + "\"";
    }

    public static void main(String[] words) throws Exception {
        bootstrap = words[0];
        topic = words[1];
        String more = words.length > 3 ? words[3] : "";
        switch (words[2]) {
            case "roundtrip": System.out.println(json(roundtrip(more))); break;
            case "idempotent": System.out.println(json(idempotent())); break;
            case "admin": System.out.println(json(administer())); break;
            case "groups": System.out.println(json(groups(more))); break;
            case "member": Member.run(more); break;
            default: throw new IllegalArgumentException("no action " + words[2]);
        }
    }
}
