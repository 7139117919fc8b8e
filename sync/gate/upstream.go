package gate

import (
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Upstream is how far those have come who go before this Sync.
type Upstream struct {
	// Waits says of each commit that may not start yet for whom it waits.
	Waits map[string]api.Public
	// Changes is when that can be another by time alone; zero if it cannot.
	Changes time.Time
}

// mayStart are the waiting commits that may pass, up to the newest that those who go before have let through. It
// carries the older ones, whatever became of them there.
func (t *turn) mayStart() []Commit {
	may := t.trusted()
	for len(may) > 0 && t.waitsForOthers(may[len(may)-1].Hash) != "" {
		may = may[:len(may)-1]
	}
	return may
}

// waitsForOthers says for whom a commit waits who goes before this Sync; empty if it does not.
func (t *turn) waitsForOthers(commit string) api.Public {
	if t.o.Upstream == nil {
		return ""
	}
	return t.o.Upstream.Waits[commit]
}

// behindOthers says for whom the newest commit waits.
func (t *turn) behindOthers() api.Public {
	if t.o.Upstream == nil || len(t.waiting) == 0 {
		return ""
	}
	t.wake(t.o.Upstream.Changes)
	return t.waitsForOthers(t.waiting[len(t.waiting)-1].Hash)
}
