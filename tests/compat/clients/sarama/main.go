// sarama against one broker: client BOOTSTRAP TOPIC ACTION [WORDS]; prints one JSON document.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

type row struct {
	Offset  int64       `json:"offset"`
	Key     *string     `json:"key"`
	Value   *string     `json:"value"`
	Headers [][]*string `json:"headers"`
}

var bootstrap, topic, words string

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func text(data []byte) *string {
	if data == nil {
		return nil
	}
	s := string(data)
	return &s
}

func settings() *sarama.Config {
	config := sarama.NewConfig()
	config.ClientID = "compat-sarama"
	config.Version = sarama.MaxVersion
	config.Producer.Return.Successes = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Consumer.Return.Errors = true
	config.Consumer.IsolationLevel = sarama.ReadCommitted
	config.Metadata.RefreshFrequency = time.Second
	return config
}

func read(partition int32, from int64, count int) []row {
	consumer, err := sarama.NewConsumer([]string{bootstrap}, settings())
	check(err)
	defer consumer.Close()
	part, err := consumer.ConsumePartition(topic, partition, from)
	check(err)
	defer part.Close()
	rows := []row{}
	deadline := time.After(20 * time.Second)
	for len(rows) < count {
		select {
		case one := <-part.Messages():
			made := row{Offset: one.Offset, Key: text(one.Key), Value: text(one.Value), Headers: [][]*string{}}
			for _, h := range one.Headers {
				made.Headers = append(made.Headers, []*string{text(h.Key), text(h.Value)})
			}
			rows = append(rows, made)
		case err := <-part.Errors():
			check(err)
		case <-deadline:
			check(fmt.Errorf("only %d of %d records came", len(rows), count))
		}
	}
	return rows
}

func codecOf(name string) sarama.CompressionCodec {
	return map[string]sarama.CompressionCodec{"gzip": sarama.CompressionGZIP, "snappy": sarama.CompressionSnappy,
		"lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD}[name]
}

func send(config *sarama.Config, messages []*sarama.ProducerMessage) {
	producer, err := sarama.NewSyncProducer([]string{bootstrap}, config)
	check(err)
	check(producer.SendMessages(messages))
	check(producer.Close())
}

func roundtrip() interface{} {
	config := settings()
	config.Producer.Compression = codecOf(words)
	config.Producer.Flush.Frequency = 50 * time.Millisecond
	var messages []*sarama.ProducerMessage
	for index := 0; index < 50; index++ {
		messages = append(messages, &sarama.ProducerMessage{Topic: topic, Key: sarama.StringEncoder(fmt.Sprint("key ", index)),
			Value: sarama.StringEncoder(strings.Repeat(fmt.Sprint("value ", index, " "), 5)),
			Headers: []sarama.RecordHeader{{Key: []byte("a"), Value: []byte("1")}, {Key: []byte("b"), Value: []byte("2")},
				{Key: []byte("a")}}})
	}
	messages = append(messages, &sarama.ProducerMessage{Topic: topic, Key: sarama.StringEncoder("deleted")},
		&sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder("no key")})
	send(config, messages)
	client, err := sarama.NewClient([]string{bootstrap}, settings())
	check(err)
	defer client.Close()
	out := map[string]interface{}{"rows": read(0, sarama.OffsetOldest, 52)}
	for name, when := range map[string]int64{"first": sarama.OffsetOldest, "end": sarama.OffsetNewest, "by time": 1} {
		out[name], err = client.GetOffset(topic, 0, when)
		check(err)
	}
	out["from 50"] = read(0, 50, 1)[0].Offset
	return out
}

func idempotent() interface{} {
	config := settings()
	config.Producer.Idempotent = true
	config.Net.MaxOpenRequests = 1
	config.Producer.Flush.MaxMessages = 10
	var messages []*sarama.ProducerMessage
	for index := 0; index < 200; index++ {
		messages = append(messages, &sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(fmt.Sprint(index))})
	}
	send(config, messages)
	values := []string{}
	for _, one := range read(0, sarama.OffsetOldest, 200) {
		values = append(values, *one.Value)
	}
	return map[string]interface{}{"rows": values}
}

// word names what a request came to by the broker's error code, whose sentence is each broker's own.
func word(err error) string {
	var code sarama.KError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &code):
		return code.Error()
	}
	return err.Error()
}

func admin() sarama.ClusterAdmin {
	made, err := sarama.NewClusterAdmin([]string{bootstrap}, settings())
	check(err)
	return made
}

func administer() interface{} {
	asked := admin()
	defer asked.Close()
	out := map[string]interface{}{}
	day := "86400000"
	detail := &sarama.TopicDetail{NumPartitions: 3, ReplicationFactor: 1, ConfigEntries: map[string]*string{"retention.ms": &day}}
	code := func(err error) string {
		var refused *sarama.TopicError
		if errors.As(err, &refused) {
			return refused.Err.Error()
		}
		var grown *sarama.TopicPartitionError
		if errors.As(err, &grown) {
			return grown.Err.Error()
		}
		return word(err)
	}
	out["created"] = code(asked.CreateTopic(topic, detail, false))
	out["again"] = code(asked.CreateTopic(topic, detail, false))
	out["only checked"] = code(asked.CreateTopic(topic+"-2", detail, true))
	out["bad name"] = code(asked.CreateTopic("a b", detail, false))
	out["grown"] = code(asked.CreatePartitions(topic, 5, nil, false))
	out["shrunk"] = code(asked.CreatePartitions(topic, 2, nil, false))
	for turn := 0; turn < 100; turn++ {
		described, err := asked.DescribeTopics([]string{topic})
		check(err)
		out["partitions"] = len(described[0].Partitions)
		out["internal"] = described[0].IsInternal
		if len(described[0].Partitions) == 5 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	listed, err := asked.ListTopics()
	check(err)
	out["listed"] = []int{int(listed[topic].NumPartitions), int(listed[topic].ReplicationFactor)}
	value := func() string {
		entries, err := asked.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: topic, ConfigNames: []string{"retention.ms"}})
		check(err)
		for _, entry := range entries {
			if entry.Name == "retention.ms" {
				return fmt.Sprint(entry.Value, " ", entry.Source)
			}
		}
		return "missing"
	}
	out["retention"] = value()
	million, nonsense := "1000000", "soon"
	change := func(value *string) string {
		return word(asked.IncrementalAlterConfig(sarama.TopicResource, topic, map[string]sarama.IncrementalAlterConfigsEntry{
			"retention.ms": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: value}}, false))
	}
	out["altered"] = change(&million)
	for turn := 0; turn < 100 && !strings.HasPrefix(value(), million); turn++ {
		time.Sleep(50 * time.Millisecond)
	}
	out["changed"] = value()
	out["refused"] = change(&nonsense) != "ok"
	brokers, controller, err := asked.DescribeCluster()
	check(err)
	out["cluster"] = []interface{}{len(brokers), controller >= 0}
	folders, err := asked.DescribeLogDirs([]int32{brokers[0].ID()})
	check(err)
	out["log directories"] = len(folders[brokers[0].ID()])
	var messages []*sarama.ProducerMessage
	for index := 0; index < 20; index++ {
		messages = append(messages, &sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(fmt.Sprint(index))})
	}
	send(settings(), messages)
	out["records deleted"] = word(asked.DeleteRecords(topic, map[int32]int64{0: 7}))
	out["first left"] = read(0, sarama.OffsetOldest, 1)[0].Offset
	out["deleted"] = code(asked.DeleteTopic(topic))
	out["deleted again"] = code(asked.DeleteTopic(topic))
	return out
}

func main() {
	arguments := append(os.Args[1:], "")
	bootstrap, topic, words = arguments[0], arguments[1], arguments[3]
	if arguments[2] == "member" {
		takePart(words)
		return
	}
	actions := map[string]func() interface{}{"roundtrip": roundtrip, "idempotent": idempotent, "admin": administer, "groups": groups}
	check(json.NewEncoder(os.Stdout).Encode(actions[arguments[2]]()))
}
