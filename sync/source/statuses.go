package source

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge/statuses"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/backoff"
	"github.com/daemongate/daemongate/sync/commitstatus"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/promotion"
)

// StatusReader reads the statuses of commits on a Git host, of each the newest first. With an error it returns those
// that it has read. One reads at a time.
type StatusReader interface {
	Read(ctx context.Context, commits []string) (map[string][]statuses.Status, error)
}

// Of so many commits the host is asked at a poll, and so many that wait are looked at: those that would start first.
const (
	maxAsked  = 8
	maxWaited = 64
)

// hosted are the other clusters that a Sync waits for, as they tell in the statuses of commits.
type hosted struct {
	mu   sync.Mutex
	seen map[string]promotion.Clusters // by the accounts whose statuses count

	// reader is opened when there is something to read.
	reader StatusReader
	// known are the statuses of the commits that wait, as they were read last. Only polls use it, one after the other.
	known map[string]known
	// tries are how often the host could not be read, one time after the other, why, and when that is tried again.
	tries int
	again time.Time
	why   error
}

// known are the statuses of a commit, and when they were read.
type known struct {
	at   time.Time
	list []statuses.Status
}

// last are the clusters that an entry of spec.gate.after is about, as they were read last.
func (o *hosted) last(a api.After) promotion.Clusters {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seen[accounts(a)]
}

// accounts tell entries apart by whose statuses count.
func accounts(a api.After) string {
	return strings.ToLower(strings.Join(slices.Sorted(slices.Values(a.Creators)), "\n"))
}

// read reads what the clusters that a Sync waits for have told of the commits that wait here. The host is asked only
// while a commit waits. What keeps it from being read keeps nobody from seeing where the ref is.
func (o *hosted) read(ctx context.Context, r reading, s *api.Sync, h *gate.History, from Options, began time.Time) {
	entries := ofChannel(s, api.ChannelStatuses)
	if len(entries) == 0 || r.age == asBefore {
		return
	}
	waiting := firstToStart(h.Commits, s.Spec.Gate.Order)
	asked := o.next(waiting)
	err := o.ask(ctx, s, waiting, asked, from)
	o.mu.Lock()
	defer o.mu.Unlock()
	before := o.seen
	o.seen = map[string]promotion.Clusters{}
	for _, a := range entries {
		key := accounts(a)
		if err != nil {
			c := before[key]
			c.Trouble = err
			o.seen[key] = c
			continue
		}
		now := promotion.Clusters{At: began, Asked: map[string]bool{}, Known: o.clusters(entries, a)}
		for _, commit := range asked {
			now.Asked[commit] = true
		}
		o.seen[key] = now.Since(before[key])
	}
}

// firstToStart are the commits that wait, by hash, those first that would start first.
func firstToStart(waiting []gate.Commit, order api.Order) (commits []string) {
	for _, c := range waiting {
		commits = append(commits, c.Hash)
	}
	if order != api.OrderEach {
		slices.Reverse(commits)
	}
	return commits[:min(len(commits), maxWaited)]
}

// next are the commits that the host is asked about at a poll: first those that it was not asked about yet; then as
// half of them those that would start first, and as the others those that were asked about the longest time ago.
func (o *hosted) next(waiting []string) (commits []string) {
	byAge := slices.Clone(waiting)
	slices.SortStableFunc(byAge, func(a, b string) int { return o.known[a].at.Compare(o.known[b].at) })
	fresh := slices.DeleteFunc(slices.Clone(byAge), func(c string) bool { return !o.known[c].at.IsZero() })
	for _, c := range slices.Concat(fresh, waiting[:min(len(waiting), maxAsked/2)], byAge) {
		if len(commits) < maxAsked && !slices.Contains(commits, c) {
			commits = append(commits, c)
		}
	}
	return commits
}

// ask asks the host about some of the commits that wait. The error says why nothing can start by what is known then.
func (o *hosted) ask(ctx context.Context, s *api.Sync, waiting, asked []string, from Options) error {
	kept := map[string]known{}
	for _, c := range waiting {
		if k, ok := o.known[c]; ok {
			kept[c] = k
		}
	}
	o.known = kept
	if len(asked) == 0 {
		return nil
	}
	if time.Now().Before(o.again) {
		return o.why
	}
	if o.why = o.readFrom(ctx, s, asked, from); o.why != nil {
		o.tries++
		o.again = time.Now().Add(backoff.After(o.tries, 5*time.Second, 5*time.Minute))
		return o.why
	}
	o.tries, o.again = 0, time.Time{}
	if n := len(waiting) - len(o.known); n > 0 {
		return fmt.Errorf("the statuses of %d of %d commits that wait have been read, and those of %d are at each poll",
			len(o.known), len(waiting), maxAsked)
	}
	return nil
}

// readFrom reads the statuses of commits from the host.
func (o *hosted) readFrom(ctx context.Context, s *api.Sync, commits []string, from Options) (err error) {
	if from.Statuses == nil {
		return errors.New("statuses of commits are not read here")
	}
	if o.reader == nil {
		if o.reader, err = from.Statuses(ctx, s); err != nil {
			return err
		}
	}
	read, err := o.reader.Read(ctx, commits)
	for commit, list := range read {
		o.known[commit] = known{at: time.Now(), list: list}
	}
	return err
}

// clusters are those that the entries with the same accounts are about.
func (o *hosted) clusters(entries []api.After, of api.After) map[string]promotion.Cluster {
	by := map[string][]statuses.Status{}
	for commit, k := range o.known {
		by[commit] = k.list
	}
	return commitstatus.Clusters(by, of.Creators, func(cluster string) bool {
		return slices.ContainsFunc(entries, func(a api.After) bool {
			return accounts(a) == accounts(of) && promotion.Matches(a.Cluster, cluster)
		})
	})
}

// ofChannel are the entries of spec.gate.after about clusters that tell through a channel.
func ofChannel(s *api.Sync, channel api.Channel) (entries []api.After) {
	for _, a := range s.Spec.Gate.After {
		if a.Cluster != "" && (a.Channel == api.ChannelStatuses) == (channel == api.ChannelStatuses) {
			entries = append(entries, a)
		}
	}
	return entries
}
