package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// player plays the story: it pushes, waits for what must come of it, and says so.
type player struct {
	out      *transcript
	repo     *repository
	recorder *recorder
	files    *files

	// pushed are the commits by name, and when they were pushed, in order.
	pushed []pushed
	// pushing is held while the commits of a chapter are pushed: each waits for what becomes of the one before.
	pushing sync.Mutex
}

type pushed struct {
	name, hash, subject string
	at                  time.Time
}

func (p *player) play(ctx context.Context, chapters []chapter) error {
	for i, c := range chapters {
		_, _ = fmt.Fprintf(p.out, "\n── %d. %s\n", i+1, c.say)
		if err := p.chapter(ctx, c); err != nil {
			return fmt.Errorf("chapter %d: %w", i+1, err)
		}
	}
	return nil
}

func (p *player) chapter(ctx context.Context, c chapter) error {
	if err := p.pushAll(ctx, c.push); err != nil {
		return err
	}
	for _, e := range c.end {
		commit := p.hash(e.commit)
		what := fmt.Sprintf("%s (%s) to be %s", e.commit, api.Short(commit), e.state)
		err := p.recorder.wait(ctx, patience, what, func() bool { return p.ended(e, p.recorder.of(commit)) })
		if err != nil {
			return fmt.Errorf("%w; the commit was %s", err, words(p.recorder.of(commit)))
		}
		// The terminal may be a moment behind the cluster, and a killed controller says nothing any more.
		line := fmt.Sprintf("%s  %s", api.Short(commit), e.state)
		_ = p.recorder.wait(ctx, time.Second, "its line", func() bool { return p.out.has(line) })
	}
	if c.gone == "" {
		return nil
	}
	return p.recorder.wait(ctx, patience, c.gone+" to be pruned",
		func() bool { return !inventoried(p.recorder.last(), c.gone) })
}

func (p *player) pushAll(ctx context.Context, changes []change) error {
	p.pushing.Lock()
	defer p.pushing.Unlock()
	for _, c := range changes {
		if err := p.push(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// inventoried reports whether the inventory names an object, written as "DaemonSet logging/fluentd".
func inventoried(s api.SyncStatus, object string) bool {
	return slices.ContainsFunc(s.Inventory, func(e api.InventoryEntry) bool {
		return e.Kind+" "+e.Namespace+"/"+e.Name == object
	})
}

func (p *player) push(ctx context.Context, c change) error {
	if c.after != "" {
		before := p.pushed[len(p.pushed)-1]
		err := p.recorder.wait(ctx, patience, fmt.Sprintf("%s to be %s", before.name, c.after), func() bool {
			return slices.ContainsFunc(p.recorder.of(before.hash),
				func(r api.Record) bool { return r.State == c.after })
		})
		if err != nil {
			return err
		}
	}
	c.edit(p.files)
	hash, err := p.repo.push(ctx, p.files, c.subject)
	if err != nil {
		return err
	}
	p.pushed = append(p.pushed, pushed{name: c.name, hash: hash, subject: c.subject, at: time.Now()})
	_, _ = fmt.Fprintf(p.out, "   git push            %s  %q\n", api.Short(hash), c.subject)
	return nil
}

// ended reports whether the newest state of a commit is the one that it must come to.
func (p *player) ended(e ending, states []api.Record) bool {
	if len(states) == 0 {
		return false
	}
	r := states[len(states)-1]
	return r.State == e.state && r.By == p.hash(e.by) && r.Outcome == e.outcome &&
		strings.Contains(r.Private, e.cause) && strings.Contains(r.Private, e.says) &&
		(e.cause == "" || explained(p.recorder.last().InFlight, e.cause))
}

// explained reports whether a flight names a cause, with its nodes and what to do.
func explained(f *api.Flight, code string) bool {
	return f != nil && slices.ContainsFunc(f.Causes, func(c api.Cause) bool {
		return c.Code == code && len(c.Nodes) > 0 && c.Remedy != ""
	})
}

// hash returns the hash of a pushed commit, empty if there is none of that name.
func (p *player) hash(name string) string {
	for _, c := range p.pushed {
		if c.name == name {
			return c.hash
		}
	}
	return ""
}

// table prints every commit, what it came to, and how long after the push.
func (p *player) table() {
	t := tabwriter.NewWriter(p.out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "COMMIT\tSUBJECT\tSTATES\tAFTER\tMESSAGE")
	for _, c := range p.pushed {
		states := p.recorder.of(c.hash)
		if len(states) == 0 {
			continue
		}
		last := states[len(states)-1]
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%.1f s\t%s\n", api.Short(c.hash), c.subject, words(states),
			last.Since.Sub(c.at).Seconds(), last.Message.Private)
	}
	_ = t.Flush()
}

// words are the states a commit came to, in order. Of a commit that follows another only the last outcome is told.
func words(states []api.Record) string {
	var list []string
	for i, r := range states {
		if next := i + 1; next < len(states) && states[next].State == r.State && states[next].By == r.By {
			continue
		}
		w := string(r.State)
		if r.By != "" {
			w = fmt.Sprintf("%s by %s (%s)", r.State, api.Short(r.By), r.Outcome)
		}
		list = append(list, w)
	}
	return strings.Join(list, " → ")
}
