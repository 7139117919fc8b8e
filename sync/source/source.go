// Package source says where the ref of a Sync is, and which of its commits may be believed.
//
// It polls the repository in the background, verifies signatures, and opens the trees of commits and of their remote
// bases.
package source

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/forge"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/panics"
)

// Source is where the commits of a Sync come from: where its ref is, and which of its commits may be believed. The
// polls run in the background; what they found is what Last returns.
type Source struct {
	options Options
	place   place
	poller  poller
	bases   bases
	// scheduleErr is why spec.source.schedule cannot be read.
	scheduleErr error
	// signersChanged is set when the signers are others than those that the history was verified with.
	signersChanged atomic.Bool
	// holds are what people hold in all clusters, as they were read last. Only polls use them, one after the other.
	holds holds
	// others are the other clusters that the Sync waits for and that tell in notes, hosted those that do on the Git
	// host.
	others others
	hosted hosted
	// kept are the commits that the repository keeps, by name. Only the turns of the Sync use it, one after the other.
	kept map[string]string
}

// Options are what a Source asks, and what it runs with.
type Options struct {
	Repository Repository
	// Base opens a repository that a kustomization of the Sync's names as a remote base.
	Base func(ctx context.Context, s *api.Sync, url string) (Repository, error)
	// Signers reads the keys whose signatures count, as they are now.
	Signers func(ctx context.Context, s *api.Sync) (*gitsource.Signers, error)
	// Speakers reads the keys of a Secret whose signatures count in the notes of clusters, as they are now.
	Speakers func(ctx context.Context, s *api.Sync, secret string) (*gitsource.Signers, error)
	// Notes returns what reads what other clusters have told.
	Notes func(s *api.Sync) (NotesReader, error)
	// Statuses returns what reads the statuses of commits on the Git host that the Sync reports to.
	Statuses func(ctx context.Context, s *api.Sync) (StatusReader, error)
	// Life ends what runs in the background, through Background. Wake is called after each poll, with when the Sync is
	// to have a turn: the zero time is now.
	Life       context.Context
	Background func(func())
	Wake       func(time.Time)
	// Panicked is told of what panics in the background, if it is set. It is also the error of the poll or the fetch.
	Panicked func(*panics.Panic)
}

// caught does something that is an error if it panics.
func (o Options) caught(doing string, do func() error) (err error) {
	if p := panics.Catch(doing, func() { err = do() }); p != nil {
		if o.Panicked != nil {
			o.Panicked(p)
		}
		return p
	}
	return err
}

// Open opens the source of a Sync, at a time.
func Open(s *api.Sync, now time.Time, o Options) *Source {
	source := &Source{options: o, place: place{o.Repository, refOf(s), s.Spec.Source.URL}}
	source.poller.schedule, source.scheduleErr = scheduleOf(s, now)
	source.poller.recall = s.Status.Head != ""
	o.Repository.Beside(forge.HoldRefs) // so that the first poll asks for them
	asksForOthers(o.Repository, s)
	return source
}

// Poll begins a poll of the repository if one is due, and returns when the next one is; zero if that is not known.
func (s *Source) Poll(sync *api.Sync, now time.Time) time.Time {
	if s.scheduleErr != nil {
		s.poller.fail(s.scheduleErr)
		return time.Time{}
	}
	trust, head, held := s.trustIn(sync), sync.Status.Head, sync.Spec.Source.OnRewrite == api.OnRewriteHold
	read := reading{repo: s.options.Repository, ref: refOf(sync), follows: refOf(sync), passed: sync.Status.Passed,
		passedRef: sync.Status.PassedRef, needed: trust.mode == api.VerifyEvery || held,
		told: told(sync, trust.mode), held: sync.Status.Held.Commits}
	last, _ := s.poller.last()
	look := func(age time.Duration) (*gate.History, error) {
		ctx, cancel := context.WithTimeout(s.options.Life, pollTimeout)
		defer cancel()
		read.age = age
		if ofTags := trust.mode == api.VerifyTag || held && read.ref.SemVer != ""; age == asBefore && !ofTags {
			read.ref = gitsource.Ref{Commit: head} // which the mirror has
		}
		h, err := read.history(ctx, last)
		if err != nil {
			return nil, err
		}
		if h, err = trust.verify(ctx, h, h == last); err != nil {
			return nil, err
		}
		if h, err = s.holds.of(ctx, read, h); err != nil {
			return nil, err
		}
		s.others.read(ctx, read, sync, h, s.options, now)
		s.hosted.read(ctx, read, sync, h, s.options, now)
		return h, nil
	}
	looks := func(age time.Duration) (h *gate.History, err error) {
		err = s.options.caught("the poll", func() error { h, err = look(age); return err })
		return h, err
	}
	wake := s.options.Wake
	if len(patternsOf(sync)) > 0 || len(ofChannel(sync, api.ChannelStatuses)) > 0 {
		// What others have told is news, too.
		wake = func(time.Time) { s.options.Wake(time.Time{}) }
	}
	return s.poller.start(s.options.Background, now, sync.Spec.Source.Interval.Duration, looks, wake)
}

// told are the commits of which the status tells, but for those that are Held. What is only said to have been there
// vouches for nothing: with Every a history that does not go on from the commit that passed is barred.
func told(sync *api.Sync, mode api.VerifyMode) (commits []string) {
	if mode == api.VerifyEvery {
		return nil
	}
	for _, r := range sync.Status.History {
		if !slices.Contains(sync.Status.Held.Commits, r.Commit) {
			commits = append(commits, r.Commit)
		}
	}
	return commits
}

// Ask makes the next poll due now, also if one is under way: what it saw may be too old.
func (s *Source) Ask() { s.poller.ask() }

// Push makes the next poll due now because something was pushed. Who polls by a schedule waits for it all the same.
func (s *Source) Push() { s.poller.push() }

// Last returns what the newest successful poll saw, and why the newest poll failed if it did.
func (s *Source) Last() (*gate.History, error) { return s.poller.last() }

// Note writes down how far the schedule has come, and whether the repository could be polled.
func (s *Source) Note(status *api.SyncStatus, o gate.Observation) {
	s.poller.note(status)
	noteSource(status, o.Generation, o.PollProblem, o.History != nil, o.Now)
}

// trustIn is how the commits of a Sync are verified.
func (s *Source) trustIn(sync *api.Sync) trust {
	verify := sync.Spec.Source.Verify
	return trust{mode: verify.Mode, accept: verify.Accept, repo: s.options.Repository, ref: refOf(sync),
		signers:        func(ctx context.Context) (*gitsource.Signers, error) { return s.options.Signers(ctx, sync) },
		signersChanged: func() bool { return s.signersChanged.Swap(false) }}
}

// Doubt says why a commit cannot be prepared yet: it was verified with other signers than there are now. It is nil
// if the commit may be believed. What is in flight, and what is rolled back to, was verified when it took off: no
// missing Secret holds it.
func (s *Source) Doubt(ctx context.Context, sync *api.Sync, commit string) error {
	f := sync.Status.InFlight
	if !verifies(sync.Spec.Source.Verify.Mode) || commit == sync.Status.LastComplete || f != nil &&
		f.Commit == commit && f.Unwritten() {
		return nil
	}
	signers, err := s.options.Signers(ctx, sync)
	if err != nil {
		return err
	}
	if h, _ := s.poller.last(); h != nil && h.Signers == signers.Fingerprint() {
		return nil
	}
	s.signersChanged.Store(true)
	s.poller.ask()
	s.options.Wake(time.Time{})
	return errOtherSigners
}
