package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// One member of a group by franz-go: client BOOTSTRAP TOPIC member SETTINGS(JSON); as librdkafka_member.py.
type memberSettings struct {
	Group      string `json:"group"`
	Instance   string `json:"instance"`
	Strategies string `json:"strategies"`
	SessionMs  int    `json:"session_ms"`
}

type membership struct {
	lock  sync.Mutex
	owned map[int32]bool
}

func say(event map[string]interface{}) {
	line, err := json.Marshal(event)
	check(err)
	fmt.Println(string(line))
}

func (m *membership) change(name string, parts map[string][]int32, owns bool) {
	m.lock.Lock()
	defer m.lock.Unlock()
	moved := append([]int32{}, parts[topic]...)
	sort.Slice(moved, func(i, j int) bool { return moved[i] < moved[j] })
	for _, part := range moved {
		if owns {
			m.owned[part] = true
		} else {
			delete(m.owned, part)
		}
	}
	if name != "" && len(moved) > 0 {
		say(map[string]interface{}{name: moved})
	}
	all := []int{}
	for part := range m.owned {
		all = append(all, int(part))
	}
	sort.Ints(all)
	say(map[string]interface{}{"owned": all})
}

func (m *membership) keep(records []*kgo.Record) []*kgo.Record {
	m.lock.Lock()
	defer m.lock.Unlock()
	kept := []*kgo.Record{}
	for _, r := range records {
		if m.owned[r.Partition] {
			kept = append(kept, r)
		}
	}
	return kept
}

func takePart(text string) {
	var settings memberSettings
	check(json.Unmarshal([]byte(text), &settings))
	if settings.SessionMs == 0 {
		settings.SessionMs = 6000
	}
	if settings.Strategies == "" {
		settings.Strategies = "range"
	}
	var balancers []kgo.GroupBalancer
	for _, name := range strings.Split(settings.Strategies, ",") {
		balancers = append(balancers, map[string]kgo.GroupBalancer{"range": kgo.RangeBalancer(), "roundrobin": kgo.RoundRobinBalancer(),
			"sticky": kgo.StickyBalancer(), "cooperative-sticky": kgo.CooperativeStickyBalancer()}[name])
	}
	mine := &membership{owned: map[int32]bool{}}
	options := []kgo.Opt{kgo.ConsumerGroup(settings.Group), kgo.ConsumeTopics(topic), kgo.Balancers(balancers...),
		kgo.SessionTimeout(time.Duration(settings.SessionMs) * time.Millisecond), kgo.HeartbeatInterval(500 * time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(), kgo.FetchMaxWait(200 * time.Millisecond),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, parts map[string][]int32) { mine.change("", parts, true) }),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, parts map[string][]int32) { mine.change("revoked", parts, false) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, parts map[string][]int32) { mine.change("lost", parts, false) })}
	if settings.Instance != "" {
		options = append(options, kgo.InstanceID(settings.Instance))
	}
	member := client(options...)
	running, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.ReadAll(os.Stdin)
		stop()
	}()
	var refused []*kgo.Record
	for running.Err() == nil {
		turn, over := context.WithTimeout(running, 200*time.Millisecond)
		fetched := member.PollFetches(turn)
		over()
		for _, failure := range fetched.Errors() {
			if failure.Err != context.Canceled && failure.Err != context.DeadlineExceeded {
				say(map[string]interface{}{"error": word(failure.Err), "fatal": false})
			}
		}
		// what is refused in the middle of a rebalance is tried again as long as the partition is ours
		read := mine.keep(append(refused, fetched.Records()...))
		refused = nil
		if len(read) == 0 {
			continue
		}
		if err := member.CommitRecords(running, read...); err != nil {
			say(map[string]interface{}{"error": word(err), "fatal": false})
			refused = read
			continue
		}
		for _, r := range read {
			say(map[string]interface{}{"read": []int64{int64(r.Partition), r.Offset}})
		}
	}
	member.Close()
}
