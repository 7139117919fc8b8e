package source

import (
	"context"
	"time"

	"github.com/daemongate/daemongate/gitsource"
)

// Follower is a Sync that follows a ref of a repository.
type Follower struct {
	*Source
	Namespace, Name string
}

// Pushed has those poll to whom a push is news that the webhook of another Sync has told of, and returns them. A
// webhook is believed for its own Sync alone: of the others it wakes only those whose ref the server says is elsewhere
// than their newest poll saw it, by an answer that was asked for after the push. So whatever somebody signs, nobody has
// a turn for nothing. They poll with the same answer, so that one advertisement and one fetch serve all of them.
func Pushed(ctx context.Context, of Follower, all []Follower, at time.Time) (woken []Follower) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	heads := map[place]string{}
	for _, f := range all {
		if f.Source == of.Source || !of.shares(f) || !f.poller.follows() {
			continue
		}
		head, known := heads[f.place]
		if !known {
			head, _ = f.place.repository.HeadWithin(ctx, f.place.ref, time.Since(at)) // a failure wakes nobody
			heads[f.place] = head
		}
		if head != "" && f.poller.pushedTo(head, at) {
			woken = append(woken, f)
		}
	}
	return woken
}

// place is where a ref is found.
type place struct {
	repository Repository
	ref        gitsource.Ref
	url        string
}

// shares reports whether two Syncs read the same mirror; or have the same repository by its URL, and are of one
// namespace, whose Secrets hold the credentials of both.
func (f Follower) shares(other Follower) bool {
	return f.place.repository == other.place.repository ||
		f.Namespace == other.Namespace && f.place.url == other.place.url
}
