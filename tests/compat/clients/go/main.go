// franz-go against one broker: client BOOTSTRAP TOPIC ACTION [WORDS]; prints one JSON document.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

type row struct {
	Offset  int64       `json:"offset"`
	Epoch   int32       `json:"epoch"`
	Key     *string     `json:"key"`
	Value   *string     `json:"value"`
	Headers [][]*string `json:"headers"`
}

var bootstrap, topic, codec string
var ctx context.Context

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

func client(options ...kgo.Opt) *kgo.Client {
	made, err := kgo.NewClient(append(options, kgo.SeedBrokers(bootstrap), kgo.ClientID("compat-go"), kgo.MetadataMinAge(100*time.Millisecond))...)
	check(err)
	return made
}

func read(partition int32, count int) []row {
	reader := client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().AtStart()}}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	defer reader.Close()
	rows := []row{}
	for len(rows) < count {
		fetched := reader.PollFetches(ctx)
		check(fetched.Err())
		fetched.EachRecord(func(r *kgo.Record) {
			one := row{Offset: r.Offset, Epoch: r.LeaderEpoch, Key: text(r.Key), Value: text(r.Value), Headers: [][]*string{}}
			for _, h := range r.Headers {
				name := h.Key
				one.Headers = append(one.Headers, []*string{&name, text(h.Value)})
			}
			rows = append(rows, one)
		})
	}
	return rows
}

func codecOf(name string) kgo.CompressionCodec {
	switch name {
	case "gzip":
		return kgo.GzipCompression()
	case "snappy":
		return kgo.SnappyCompression()
	case "lz4":
		return kgo.Lz4Compression()
	case "zstd":
		return kgo.ZstdCompression()
	}
	return kgo.NoCompression()
}

func roundtrip() interface{} {
	writer := client(kgo.DisableIdempotentWrite(), kgo.ProducerBatchCompression(codecOf(codec)), kgo.ProducerLinger(50*time.Millisecond),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.RequiredAcks(kgo.AllISRAcks()))
	var records []*kgo.Record
	for index := 0; index < 50; index++ {
		records = append(records, &kgo.Record{Topic: topic, Key: []byte(fmt.Sprint("key ", index)),
			Value: []byte(strings.Repeat(fmt.Sprint("value ", index, " "), 5)),
			Headers: []kgo.RecordHeader{{Key: "a", Value: []byte("1")}, {Key: "b", Value: []byte("2")}, {Key: "a", Value: nil}}})
	}
	records = append(records, &kgo.Record{Topic: topic, Key: []byte("deleted")}, &kgo.Record{Topic: topic, Value: []byte("no key")})
	check(writer.ProduceSync(ctx, records...).FirstErr())
	writer.Close()
	return map[string]interface{}{"rows": read(0, 52)}
}

func idempotent() interface{} {
	writer := client(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedRecords(20), kgo.ProducerBatchMaxBytes(1024))
	for index := 0; index < 200; index++ {
		writer.Produce(ctx, &kgo.Record{Topic: topic, Value: []byte(fmt.Sprint(index))}, func(_ *kgo.Record, err error) { check(err) })
	}
	check(writer.Flush(ctx))
	writer.Close()
	values := []string{}
	for _, one := range read(0, 200) {
		values = append(values, *one.Value)
	}
	return map[string]interface{}{"rows": values}
}

func word(err error) string {
	if err == nil {
		return "ok"
	}
	if known, is := err.(*kerr.Error); is {
		return known.Message
	}
	return err.Error()
}

func administer() interface{} {
	connection := client()
	defer connection.Close()
	admin := kadm.NewClient(connection)
	out := map[string]interface{}{}
	day := "86400000"
	created, err := admin.CreateTopic(ctx, 3, 1, map[string]*string{"retention.ms": &day}, topic)
	out["created"] = word(err)
	out["replicas"] = created.ReplicationFactor
	_, err = admin.CreateTopic(ctx, 3, 1, nil, topic)
	out["again"] = word(err)
	grown, err := admin.UpdatePartitions(ctx, 5, topic)
	check(err)
	out["grown"] = word(grown[topic].Err)
	for turn := 0; turn < 100; turn++ {
		listed, err := admin.ListTopics(ctx, topic)
		check(err)
		out["partitions"] = len(listed[topic].Partitions)
		if len(listed[topic].Partitions) == 5 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	value := func() string {
		described, err := admin.DescribeTopicConfigs(ctx, topic)
		check(err)
		for _, entry := range described[0].Configs {
			if entry.Key == "retention.ms" {
				return fmt.Sprint(*entry.Value, " ", entry.Source)
			}
		}
		return "missing"
	}
	out["retention"] = value()
	million := "1000000"
	altered, err := admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: &million}}, topic)
	check(err)
	out["altered"] = word(altered[0].Err)
	for turn := 0; turn < 100 && !strings.HasPrefix(value(), million); turn++ {
		time.Sleep(50 * time.Millisecond)
	}
	out["changed"] = value()
	ends, err := admin.ListEndOffsets(ctx, topic)
	check(err)
	end, _ := ends.Lookup(topic, 0)
	out["end"] = end.Offset
	brokers, err := admin.ListBrokers(ctx)
	check(err)
	out["brokers"] = len(brokers)
	deleted, err := admin.DeleteTopics(ctx, topic, "no-such-topic")
	check(err)
	out["deleted"] = word(deleted[topic].Err)
	out["deleted unknown"] = word(deleted["no-such-topic"].Err)
	return out
}

func main() {
	arguments := append(os.Args[1:], "")
	bootstrap, topic, codec = arguments[0], arguments[1], arguments[3]
	if arguments[2] == "member" {
		takePart(arguments[3])
		return
	}
	var stop context.CancelFunc
	ctx, stop = context.WithTimeout(context.Background(), 30*time.Second)
	defer stop()
	actions := map[string]func() interface{}{"roundtrip": roundtrip, "idempotent": idempotent, "admin": administer, "groups": groups}
	check(json.NewEncoder(os.Stdout).Encode(actions[arguments[2]]()))
}
