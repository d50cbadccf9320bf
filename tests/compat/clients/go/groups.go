package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// groups commits as a member, then looks after the group, its topic and the broker as an administrator; WORDS is the group.
func groups() interface{} {
	group := codec
	out := map[string]interface{}{}
	writer := client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	for index := 0; index < 20; index++ {
		check(writer.ProduceSync(ctx, &kgo.Record{Topic: topic, Partition: int32(index % 2), Value: []byte(fmt.Sprint(index))}).FirstErr())
	}
	admin := kadm.NewClient(writer)
	defer admin.Close()
	member := client(kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(), kgo.Balancers(kgo.RangeBalancer()), kgo.SessionTimeout(6*time.Second))
	read := 0
	for read < 20 {
		fetched := member.PollFetches(ctx)
		check(fetched.Err())
		read += fetched.NumRecords()
	}
	check(member.CommitUncommittedOffsets(ctx))
	listed, err := admin.ListGroups(ctx)
	check(err)
	out["listed"] = []string{listed[group].ProtocolType, listed[group].State}
	described, err := admin.DescribeGroups(ctx, group)
	check(err)
	one := described[group]
	out["described"] = []interface{}{one.State, one.ProtocolType, one.Protocol, len(one.Members), word(one.Err)}
	// which sentence an error has is the broker's own affair
	outcome := func(err error) string { return word(err) }
	deleted, err := admin.DeleteGroups(ctx, group)
	check(err)
	out["deleted while in use"] = outcome(deleted[group].Err)
	out["lag"] = lag(admin, group)
	member.Close()
	positions := func() map[string]string {
		told := map[string]string{}
		fetched, err := admin.FetchOffsets(ctx, group)
		check(err)
		fetched.Each(func(o kadm.OffsetResponse) {
			// franz-go notes its member's id, which is random
			metadata := strings.Split(o.Metadata, "-")[0]
			told[fmt.Sprint(o.Partition)] = fmt.Sprint(o.At, " ", metadata, " ", word(o.Err))
		})
		return told
	}
	out["positions"] = positions()
	changed := kadm.Offsets{}
	changed.Add(kadm.Offset{Topic: topic, Partition: 0, At: 3, LeaderEpoch: -1, Metadata: "three"})
	out["changed"] = outcome(admin.CommitAllOffsets(ctx, group, changed))
	var some kadm.TopicsSet
	some.Add(topic, 1)
	forgotten, err := admin.DeleteOffsets(ctx, group, some)
	check(err)
	out["forgotten"] = outcome(forgotten[topic][1])
	out["positions afterwards"] = positions()
	deleted, err = admin.DeleteGroups(ctx, group, "no-such-group")
	check(err)
	out["deleted"] = outcome(deleted[group].Err)
	out["deleted unknown"] = outcome(deleted["no-such-group"].Err)

	cut := kadm.Offsets{}
	cut.Add(kadm.Offset{Topic: topic, Partition: 0, At: 4})
	removed, err := admin.DeleteRecords(ctx, cut)
	check(err)
	out["records deleted"] = []interface{}{removed[topic][0].LowWatermark, outcome(removed[topic][0].Err)}
	starts, err := admin.ListStartOffsets(ctx, topic)
	check(err)
	start, _ := starts.Lookup(topic, 0)
	out["start"] = start.Offset
	later, err := admin.ListOffsetsAfterMilli(ctx, 1, topic)
	check(err)
	at, _ := later.Lookup(topic, 0)
	out["after a time"] = at.Offset
	folders, err := admin.DescribeAllLogDirs(ctx, nil)
	check(err)
	count := 0
	folders.Each(func(kadm.DescribedLogDir) { count++ })
	out["log directories"] = count
	refused, err := admin.ValidateCreateTopics(ctx, 1, 1, nil, topic+"-checked")
	check(err)
	out["only checked"] = outcome(refused[topic+"-checked"].Err)
	return out
}

func lag(admin *kadm.Client, group string) interface{} {
	all, err := admin.Lag(ctx, group)
	check(err)
	one := all[group]
	return []interface{}{one.Lag.Total(), word(one.Error())}
}
