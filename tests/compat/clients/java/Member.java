import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;

/** One member of a group by Kafka's Java client; settings and what it prints as librdkafka_member.py. */
class Member {
    static final Map<String, String> ASSIGNORS = Map.of("range", "RangeAssignor", "roundrobin", "RoundRobinAssignor",
        "sticky", "StickyAssignor", "cooperative-sticky", "CooperativeStickyAssignor");

    static String setting(String text, String name, String otherwise) {
        Matcher found = Pattern.compile("\"" + name + "\": *\"?([^\",}]*(?:,[a-z-]+)*)\"?").matcher(text);
        return found.find() ? found.group(1) : otherwise;
    }

    static void say(String name, Object value) {
        System.out.println(Client.json(Client.map(name, value)));
        System.out.flush();
    }

    static List<Integer> numbers(Collection<TopicPartition> parts) {
        TreeSet<Integer> sorted = new TreeSet<>();
        for (TopicPartition one : parts) sorted.add(one.partition());
        return new ArrayList<>(sorted);
    }

    static class Listener implements ConsumerRebalanceListener {
        KafkaConsumer<String, String> consumer;

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> added) {
            say("owned", numbers(consumer.assignment()));
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> gone) {
            if (gone.isEmpty()) return;
            say("revoked", numbers(gone));
            TreeSet<Integer> left = new TreeSet<>(numbers(consumer.assignment()));
            left.removeAll(numbers(gone));
            say("owned", new ArrayList<>(left));
        }
    }

    static void run(String text) throws Exception {
        AtomicBoolean done = new AtomicBoolean();
        Thread listening = new Thread(() -> {
            try {
                while (System.in.read() >= 0) { }
            } catch (java.io.IOException error) {
                // the other end is gone: as good as the end
            }
            done.set(true);
        });
        listening.setDaemon(true);
        listening.start();
        List<String> assignors = new ArrayList<>();
        for (String name : setting(text, "strategies", "range").split(","))
            assignors.add("org.apache.kafka.clients.consumer." + ASSIGNORS.get(name));
        List<String> words = new ArrayList<>(List.of("group.id", setting(text, "group", ""), "auto.offset.reset", "earliest",
            "session.timeout.ms", setting(text, "session_ms", "6000"), "heartbeat.interval.ms", "500",
            "partition.assignment.strategy", String.join(",", assignors)));
        String instance = setting(text, "instance", "");
        if (!instance.isEmpty()) words.addAll(List.of("group.instance.id", instance));
        KafkaConsumer<String, String> consumer = Client.consumer(words.toArray(new String[0]));
        Listener listener = new Listener();
        listener.consumer = consumer;
        consumer.subscribe(List.of(Client.topic), listener);
        Map<TopicPartition, List<Long>> read = new HashMap<>();
        while (!done.get()) {
            try {
                for (ConsumerRecord<String, String> one : consumer.poll(Duration.ofMillis(100)))
                    read.computeIfAbsent(new TopicPartition(one.topic(), one.partition()), part -> new ArrayList<>()).add(one.offset());
                // what is refused in the middle of a rebalance is tried again as long as the partition is ours
                read.keySet().retainAll(consumer.assignment());
                if (read.isEmpty()) continue;
                Map<TopicPartition, OffsetAndMetadata> positions = new HashMap<>();
                read.forEach((part, offsets) -> positions.put(part, new OffsetAndMetadata(offsets.get(offsets.size() - 1) + 1)));
                consumer.commitSync(positions);
                read.forEach((part, offsets) -> offsets.forEach(offset -> say("read", List.of(part.partition(), offset))));
                read.clear();
            } catch (KafkaException error) {
                String name = error.getClass().getSimpleName();
                boolean fatal = name.equals("FencedInstanceIdException");
                System.out.println(Client.json(Client.map("error", name, "fatal", fatal)));
                if (fatal) System.exit(3);
            }
        }
        consumer.close();
    }
}
