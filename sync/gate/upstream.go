package gate

import (
	"cmp"
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Upstream is how far those have come who go before this Sync.
type Upstream struct {
	// Waits says of each commit that may not start yet for whom it waits.
	Waits map[string]api.Message
	// Changes is when that can be another by time alone; zero if it cannot.
	Changes time.Time
}

// mayStart are the waiting commits that may pass, up to the newest that those who go before have let through. It
// carries the older ones, whatever became of them there.
func (t *turn) mayStart() []Commit {
	may := t.trusted()
	for len(may) > 0 && t.goesBehind(may[len(may)-1].Hash) {
		may = may[:len(may)-1]
	}
	return may
}

// waitsForOthers says who holds a commit in all clusters, or for whom it waits who goes before this Sync; empty if it
// waits for nobody.
func (t *turn) waitsForOthers(commit string) api.Message {
	if why := t.heldEverywhere(commit); why != "" {
		return api.ForAll(why)
	}
	if t.o.Upstream == nil {
		return api.Message{}
	}
	return t.o.Upstream.Waits[commit]
}

// goesBehind reports whether a commit waits for others.
func (t *turn) goesBehind(commit string) bool { return t.waitsForOthers(commit) != api.Message{} }

// heldEverywhere says who holds a commit in all clusters; empty if nobody does.
func (t *turn) heldEverywhere(commit string) api.Public {
	return t.o.History.HeldEverywhere(commit)
}

// HeldEverywhere says who holds a commit, or all of them, in all clusters; empty if nobody does, or if it is not known.
func (h *History) HeldEverywhere(commit string) api.Public {
	if h == nil {
		return ""
	}
	return cmp.Or(h.Holds[""], h.Holds[commit])
}

// behindOthers says for whom the newest commit waits.
func (t *turn) behindOthers() api.Message {
	if len(t.waiting) == 0 {
		return api.Message{}
	}
	if t.o.Upstream != nil {
		t.wake(t.o.Upstream.Changes)
	}
	return t.waitsForOthers(t.waiting[len(t.waiting)-1].Hash)
}

// whyNone says why there is no candidate although nothing stands in the way of one.
func (t *turn) whyNone() api.Message {
	return cmp.Or(api.ForAll(cmp.Or(t.o.Window.Closed, t.barred())), t.behindOthers(), api.ForAll(t.waitsForAnother()))
}
