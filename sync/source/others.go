package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/forge"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/backoff"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/promotion"
)

// NotesReader reads what clusters have told of commits in the notes of the repository, at the tips of their refs.
type NotesReader interface {
	Read(ctx context.Context, tips map[string]string, commits []string) ([]forge.Heard, error)
}

// others are the other clusters that a Sync waits for, as they were read last.
type others struct {
	mu   sync.Mutex
	seen promotion.Clusters

	// reader is opened when there is something to read.
	reader NotesReader
	// What was read, so that it is not read again while nothing has changed. Only polls use it, one after the other.
	tips    map[string]string
	commits []string
	signers string
	heard   map[string]promotion.Cluster
	// unread is how often something could not be read, one time after the other, and when that is tried again.
	unread missed
	// newest is when the newest notes of each cluster were signed that were seen since the process began, by the Secret
	// with the signers and the cluster.
	newest map[string]time.Time
}

// What others have told is so old at most when a commit is let through by it, where a poll of another Sync could answer
// for longer; and the clusters of which one Sync waits may be so many.
const (
	maxOld      = 10 * time.Second
	maxClusters = 4096
)

// last are the clusters as they were read last.
func (o *others) last() promotion.Clusters {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seen
}

// patternsOf are the names of the clusters that a Sync waits for, and that tell in notes.
func patternsOf(s *api.Sync) (patterns []string) {
	for _, a := range ofChannel(s, api.ChannelNotes) {
		if !slices.Contains(patterns, a.Cluster) {
			patterns = append(patterns, a.Cluster)
		}
	}
	return patterns
}

// asksForOthers has the polls of a repository ask for the refs that a Sync needs.
func asksForOthers(repo Repository, s *api.Sync) {
	for _, pattern := range patternsOf(s) {
		repo.Beside(forge.RefsOf(pattern))
	}
}

// read reads what the clusters that a Sync waits for have told of the commits that wait here. Their refs come with the
// poll; what is new in them is fetched only while a commit waits. What keeps it from being read keeps nobody from
// seeing where the ref is.
func (o *others) read(ctx context.Context, r reading, s *api.Sync, h *gate.History, from Options, began time.Time) {
	patterns := patternsOf(s)
	if len(patterns) == 0 || r.age == asBefore {
		return
	}
	look, err := o.look(ctx, r, patterns, began, len(h.Commits) > 0)
	if err == nil {
		err = o.hear(ctx, look.tips, h.Commits, s, from)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.seen.Trouble = err; err == nil {
		o.seen = promotion.Clusters{At: look.at, Known: cloned(o.heard)}.Since(o.seen)
	}
}

// look is where the refs of clusters are, and since when that is known.
type look struct {
	tips map[string]string
	at   time.Time
}

// look finds the refs in what the newest poll saw. If that was another Sync's, and asked for less or is too old for a
// commit that waits, or if this one is pinned to a commit and polls nobody, the server is asked.
func (o *others) look(ctx context.Context, r reading, patterns []string, began time.Time,
	waits bool) (look, error) {
	now, pinned := time.Now(), r.follows.Commit != ""
	tips, asked := tipsOf(r.repo, patterns)
	if asked.IsZero() || pinned || waits && now.Sub(asked) > maxOld {
		follows, age := r.follows, r.age
		if pinned {
			follows = gitsource.Ref{Name: "HEAD"} // any that is there
		}
		switch {
		case asked.IsZero():
			age = 0
		case waits:
			age = min(age, maxOld)
		}
		_, err := r.repo.HeadWithin(ctx, follows, age)
		if tips, asked = tipsOf(r.repo, patterns); asked.IsZero() {
			return look{}, cmp.Or(err, errNotAsked)
		}
		if err != nil && waits {
			return look{}, err
		}
	}
	if len(tips) > maxClusters {
		return look{}, fmt.Errorf("%d clusters of the names in spec.gate.after have told something, and at most %d "+
			"are read: name fewer, or delete the refs of those that are gone", len(tips), maxClusters)
	}
	return look{tips, began.Add(-max(0, now.Sub(asked)))}, nil
}

var errNotAsked = errors.New("the server was not asked for the notes of other clusters: poll again")

// tipsOf are where the refs of the clusters are that match one of the patterns, by their full names, and when the
// server was asked; zero if it was not asked for all of them.
func tipsOf(repo Repository, patterns []string) (tips map[string]string, asked time.Time) {
	tips = map[string]string{}
	for _, pattern := range patterns {
		prefix := forge.RefsOf(pattern)
		refs, at := repo.Beside(prefix)
		if at.IsZero() {
			return nil, at
		}
		asked = at
		for rest, tip := range refs {
			if name, ok := forge.ClusterOf(prefix + rest); ok && name != "" && promotion.Matches(pattern, name) {
				tips[prefix+rest] = tip
			}
		}
	}
	return tips, asked
}

// hear reads the notes, unless nothing has changed since they were read.
func (o *others) hear(ctx context.Context, tips map[string]string, waiting []gate.Commit, s *api.Sync, from Options,
) error {
	var commits []string
	for _, c := range waiting {
		commits = append(commits, c.Hash)
	}
	signers, prints, err := signersOf(ctx, s, from)
	if err != nil {
		return err
	}
	if o.isRead(tips, commits, prints) {
		return nil
	}
	unread := false
	known := map[string]promotion.Cluster{}
	if len(commits) > 0 {
		if o.reader == nil {
			if o.reader, err = from.Notes(s); err != nil {
				return err
			}
		}
		heard, err := o.reader.Read(ctx, maps.Clone(tips), commits)
		if err != nil {
			return err
		}
		for _, one := range heard {
			known[one.Cluster] = o.clusterOf(one, signers)
			unread = unread || one.Trouble != nil
		}
	}
	o.unread.after(unread)
	o.tips, o.commits, o.signers, o.heard = tips, commits, prints, known
	return nil
}

// isRead reports whether nothing has changed since the notes were read, and nothing of them is to be tried again.
func (o *others) isRead(tips map[string]string, commits []string, signers string) bool {
	return o.tips != nil && maps.Equal(tips, o.tips) && slices.Equal(commits, o.commits) && signers == o.signers &&
		(o.unread.times == 0 || time.Now().Before(o.unread.again))
}

// after notes whether something could not be read once more.
func (m *missed) after(unread bool) {
	if m.times++; !unread {
		m.times = 0
	}
	m.again = time.Now().Add(backoff.After(m.times, time.Minute, time.Hour))
}

// signersOf are the signers whose signatures notes need, by the name of their Secret, and what tells them from others.
func signersOf(ctx context.Context, s *api.Sync, from Options) (by map[string]*gitsource.Signers, prints string,
	err error) {
	by = map[string]*gitsource.Signers{}
	for _, a := range s.Spec.Gate.After {
		if a.Verify == nil || by[a.Verify.SecretRef.Name] != nil {
			continue
		}
		signers, err := from.Speakers(ctx, s, a.Verify.SecretRef.Name)
		if err != nil {
			return nil, "", err
		}
		by[a.Verify.SecretRef.Name] = signers
		prints += a.Verify.SecretRef.Name + " " + signers.Fingerprint() + "\n"
	}
	return by, prints, nil
}

// clusterOf is what a cluster has told, in the words of those who decide.
func (o *others) clusterOf(h forge.Heard, signers map[string]*gitsource.Signers) promotion.Cluster {
	c := promotion.Cluster{Syncs: map[string]map[string]promotion.Word{}, Refused: map[string]api.Public{}}
	if h.Trouble != nil {
		c.Unread = api.Public("its notes cannot be read: " + english.Clip(h.Trouble.Error(), maxReason))
		return c
	}
	for name, by := range signers {
		problem := by.VerifySpeaker(h.Tip, h.Cluster)
		if problem == "" {
			problem = o.putBack(name, h)
		}
		if problem != "" {
			c.Refused[name] = api.Public("the newest commit of its notes " + english.Clip(problem, maxReason))
		}
	}
	for _, s := range h.Statuses {
		d := s.Details
		if d.Sync == "" || d.State == "" { // told by an older version, or by no cluster
			continue
		}
		if c.Syncs[d.Sync] == nil {
			c.Syncs[d.Sync] = map[string]promotion.Word{}
		}
		w := promotion.Word{State: api.CommitState(d.State), By: d.By, Outcome: api.CommitState(d.Outcome),
			Since: d.Since, Told: d.Since, Relapsed: d.Relapsed, Ailing: d.Ailing}
		if w.State == api.Held {
			w.Waits = promotion.WaitsOn(s.Description)
		}
		c.Syncs[d.Sync][s.Commit] = w
	}
	return c
}

// putBack says that signed notes are older than others of that cluster that were seen before: somebody has pushed what
// the cluster said once, which its signature still is good for. Whoever signs them gives each state a later time.
func (o *others) putBack(signers string, h forge.Heard) (problem string) {
	by := signers + " " + h.Cluster
	if newest := o.newest[by]; h.At.Before(newest) {
		return fmt.Sprintf("is of %s, and one of %s was seen before: somebody has put an earlier state back",
			h.At.UTC().Format(time.RFC3339), newest.UTC().Format(time.RFC3339))
	}
	if o.newest == nil {
		o.newest = map[string]time.Time{}
	}
	o.newest[by] = h.At
	return ""
}

// cloned is a copy whose words can be changed.
func cloned(known map[string]promotion.Cluster) map[string]promotion.Cluster {
	all := map[string]promotion.Cluster{}
	for name, c := range known {
		syncs := map[string]map[string]promotion.Word{}
		for sync, words := range c.Syncs {
			syncs[sync] = maps.Clone(words)
		}
		c.Syncs = syncs
		all[name] = c
	}
	return all
}

// Others are the other clusters that an entry of spec.gate.after is about, as the newest poll saw them.
func (s *Source) Others(a api.After) promotion.Clusters {
	if a.Channel == api.ChannelStatuses {
		return s.hosted.last(a)
	}
	return s.others.last()
}
