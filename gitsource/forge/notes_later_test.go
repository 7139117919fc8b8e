package forge

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing/object"
	"golang.org/x/crypto/ssh"

	"github.com/daemongate/daemongate/gitsource/remote"
)

// A signed state has a later time than the one before it, also where the clock was set back, or both are told within a
// second: so who has seen the newer one knows the older one again. What is not signed has the time of the clock:
// anybody could have set another.
func TestSignedNotesNeverGoBackInTime(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 900_000_000, time.UTC)
	at := func(when time.Time) *object.Commit { return &object.Commit{Committer: object.Signature{When: when}} }
	signed := []ssh.Signer{nil}
	for name, c := range map[string]struct {
		keys []ssh.Signer
		base *object.Commit
		want time.Time
	}{
		"the first":                {signed, nil, now},
		"after an earlier one":     {signed, at(now.Add(-time.Hour)), now},
		"with the clock set back":  {signed, at(now.Add(time.Hour)), now.Add(time.Hour + time.Second)},
		"not signed, and set back": {nil, at(now.Add(time.Hour)), now},
		"at the same time":         {signed, at(now), now.Add(time.Second)},
		"within the same second":   {signed, at(now.Truncate(time.Second)), now.Truncate(time.Second).Add(time.Second)},
	} {
		p := &push{keys: c.keys, now: now}
		if got := p.later(c.base); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// Of refs that could not be read, and are gone, nothing is kept: whoever may push could make ever more of them.
func TestRefsThatAreGoneAreForgotten(t *testing.T) {
	r := NewNotesReader("https://git.example", nil, filepath.Join(t.TempDir(), "notes"), remote.Reach{})
	r.bad[RefOf("gone")] = badRef{tries: 1}
	if _, err := r.read(t.Context(), nil, nil); err != nil || len(r.bad) > 0 {
		t.Errorf("%v, %v", err, r.bad)
	}
}
