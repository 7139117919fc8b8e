package forge

import (
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing/object"
	"golang.org/x/crypto/ssh"
)

// A signed state never has an earlier time than the one before it, also where the clock was set back: so who has seen
// the newer one knows the older one again. What is not signed has the time of the clock: anybody could have set another.
func TestSignedNotesNeverGoBackInTime(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	at := func(when time.Time) *object.Commit { return &object.Commit{Committer: object.Signature{When: when}} }
	signed := []ssh.Signer{nil}
	for name, c := range map[string]struct {
		keys []ssh.Signer
		base *object.Commit
		want time.Time
	}{
		"the first":                 {signed, nil, now},
		"after an earlier one":      {signed, at(now.Add(-time.Hour)), now},
		"with the clock set back":   {signed, at(now.Add(time.Hour)), now.Add(time.Hour + time.Second)},
		"not signed, and set back":  {nil, at(now.Add(time.Hour)), now},
		"within the second of both": {signed, at(now), now},
	} {
		p := &push{keys: c.keys, now: now}
		if got := p.later(c.base); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
