package source

import (
	"testing"

	"github.com/daemongate/daemongate/gitsource/forge"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// However a ref is written that a poll finds, the webhook for it wakes that poll, and one for another ref does not.
func TestWebhooksMeanTheRefThatIsPolled(t *testing.T) {
	for _, c := range []struct {
		ref          api.Ref
		moved, other string
	}{
		{api.Ref{}, "refs/heads/main", "refs/heads/other"},
		{api.Ref{Branch: "main"}, "refs/heads/main", "refs/tags/main"},
		{api.Ref{Branch: "refs/heads/main"}, "refs/heads/main", "refs/heads/mainly"},
		{api.Ref{Branch: "feature/x"}, "refs/heads/feature/x", "refs/heads/feature/x/y"},
		{api.Ref{Tag: "v1"}, "refs/tags/v1", "refs/heads/v1"},
		{api.Ref{Tag: "refs/tags/v1"}, "refs/tags/v1", "refs/tags/v1.1"},
		{api.Ref{SemVer: ">=1"}, "refs/tags/v1.2.3", "refs/heads/main"},
		{api.Ref{Name: "refs/heads/main"}, "refs/heads/main", "refs/heads/other"},
		{api.Ref{Name: "HEAD"}, "refs/heads/main", "refs/tags/v1"},
	} {
		s := &api.Sync{}
		s.Spec.Source.Ref = c.ref
		wakes := func(ref string) bool { return forge.Hook{Push: true, Refs: []string{ref}}.Moves(Tracked(s)) }
		if !wakes(c.moved) || wakes(c.other) {
			t.Errorf("%+v: a push to %s wakes it: %v, one to %s: %v", c.ref, c.moved, wakes(c.moved), c.other,
				wakes(c.other))
		}
	}
}
