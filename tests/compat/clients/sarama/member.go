package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

// One member of a group by sarama: client BOOTSTRAP TOPIC member SETTINGS(JSON); as librdkafka_member.py.
type memberSettings struct {
	Group      string `json:"group"`
	Instance   string `json:"instance"`
	Strategies string `json:"strategies"`
	SessionMs  int    `json:"session_ms"`
}

func say(event map[string]interface{}) {
	line, err := json.Marshal(event)
	check(err)
	fmt.Println(string(line))
}

type handler struct {
	// what is called for each record, after it is committed; the partition is over when it says false
	took func(*sarama.ConsumerMessage) bool
}

func owned(session sarama.ConsumerGroupSession) []int {
	parts := []int{}
	for _, part := range session.Claims()[topic] {
		parts = append(parts, int(part))
	}
	sort.Ints(parts)
	return parts
}

func (h *handler) Setup(session sarama.ConsumerGroupSession) error {
	say(map[string]interface{}{"owned": owned(session)})
	return nil
}

func (h *handler) Cleanup(session sarama.ConsumerGroupSession) error {
	if gone := owned(session); len(gone) > 0 {
		say(map[string]interface{}{"revoked": gone})
	}
	say(map[string]interface{}{"owned": []int{}})
	return nil
}

func (h *handler) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case one, more := <-claim.Messages():
			if !more {
				return nil
			}
			session.MarkMessage(one, "")
			session.Commit()
			if !h.took(one) {
				return nil
			}
		case <-session.Context().Done():
			return nil
		}
	}
}

func memberConfig(asked memberSettings) *sarama.Config {
	config := settings()
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.Group.Session.Timeout = time.Duration(asked.SessionMs) * time.Millisecond
	config.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	config.Consumer.Group.InstanceId = asked.Instance
	config.Consumer.Group.Rebalance.GroupStrategies = nil
	for _, name := range strings.Split(asked.Strategies, ",") {
		config.Consumer.Group.Rebalance.GroupStrategies = append(config.Consumer.Group.Rebalance.GroupStrategies,
			map[string]sarama.BalanceStrategy{"range": sarama.NewBalanceStrategyRange(), "roundrobin": sarama.NewBalanceStrategyRoundRobin(),
				"sticky": sarama.NewBalanceStrategySticky()}[name])
	}
	return config
}

func takePart(text string) {
	asked := memberSettings{SessionMs: 6000, Strategies: "range"}
	check(json.Unmarshal([]byte(text), &asked))
	member, err := sarama.NewConsumerGroup([]string{bootstrap}, asked.Group, memberConfig(asked))
	check(err)
	running, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.ReadAll(os.Stdin)
		stop()
	}()
	go func() {
		for err := range member.Errors() {
			say(map[string]interface{}{"error": err.Error(), "fatal": false})
		}
	}()
	taking := &handler{took: func(one *sarama.ConsumerMessage) bool {
		say(map[string]interface{}{"read": []int64{int64(one.Partition), one.Offset}})
		return true
	}}
	for running.Err() == nil {
		if err := member.Consume(running, []string{topic}, taking); err != nil && !errors.Is(err, context.Canceled) {
			say(map[string]interface{}{"error": word(err), "fatal": false})
			time.Sleep(100 * time.Millisecond)
		}
	}
	check(member.Close())
}

// groups commits as a member, then looks after the group as an administrator.
func groups() interface{} {
	out := map[string]interface{}{}
	group := words
	var messages []*sarama.ProducerMessage
	for index := 0; index < 20; index++ {
		messages = append(messages, &sarama.ProducerMessage{Topic: topic, Partition: int32(index % 2), Value: sarama.StringEncoder(fmt.Sprint(index))})
	}
	send(settings(), messages)
	member, err := sarama.NewConsumerGroup([]string{bootstrap}, group, memberConfig(memberSettings{SessionMs: 6000, Strategies: "range"}))
	check(err)
	running, stop := context.WithTimeout(context.Background(), 30*time.Second)
	defer stop()
	read, all := make(chan bool, 20), make(chan bool)
	go func() {
		for count := 0; count < 20; count++ {
			<-read
		}
		close(all)
	}()
	quiet := &silent{handler{took: func(*sarama.ConsumerMessage) bool { read <- true; return true }}}
	over := make(chan error)
	go func() { over <- member.Consume(running, []string{topic}, quiet) }()
	select {
	case <-all:
	case <-running.Done():
		check(errors.New("the group did not read everything"))
	}
	asked := admin()
	defer asked.Close()
	listed, err := asked.ListConsumerGroups()
	check(err)
	out["listed"] = listed[group]
	described, err := asked.DescribeConsumerGroups([]string{group})
	check(err)
	out["described"] = []interface{}{described[0].State, described[0].ProtocolType, described[0].Protocol, len(described[0].Members)}
	out["deleted while in use"] = word(asked.DeleteConsumerGroup(group))
	stop()
	<-over
	check(member.Close())
	positions := func() map[string]int64 {
		told := map[string]int64{}
		answer, err := asked.ListConsumerGroupOffsets(group, map[string][]int32{topic: {0, 1}})
		check(err)
		for part, block := range answer.Blocks[topic] {
			told[fmt.Sprint(part)] = block.Offset
		}
		return told
	}
	out["positions"] = positions()
	out["forgotten"] = word(asked.DeleteConsumerGroupOffset(group, topic, 1))
	out["positions afterwards"] = positions()
	out["deleted"] = word(asked.DeleteConsumerGroup(group))
	out["deleted again"] = word(asked.DeleteConsumerGroup(group))
	return out
}

// silent says nothing about what it owns.
type silent struct{ handler }

func (*silent) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (*silent) Cleanup(sarama.ConsumerGroupSession) error { return nil }
