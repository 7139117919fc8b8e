package manifests

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
)

// held are three objects of three ranks, which a finalizer keeps when they are deleted.
const held = `
apiVersion: v1
kind: ConfigMap
metadata: {name: agent, finalizers: [example.com/hold]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: agent, finalizers: [example.com/hold]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: agent, finalizers: [example.com/hold]}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: agent}`

// What is deleted with its Sync goes in the reverse order of apply, and a rank only when the one after it is gone: what
// others keep by a finalizer is named, and what it needs stays untouched until it has gone.
func TestRemoveWaitsForEachRank(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	left := Recorded(w.apply(w.set(held)))
	for _, kind := range []string{"RoleBinding", "Role", "ConfigMap"} {
		r, err := w.client.Remove(w.ctx, left, w.opts)
		if err != nil || len(r.Waiting) != 1 || r.Waiting[0].Kind != kind || !slices.Equal(r.Waiting[0].Finalizers,
			[]string{"example.com/hold"}) {
			t.Fatalf("it waits for %+v, and not for the %s: %v", r.Waiting, kind, err)
		}
		for _, e := range left {
			if live := w.live(e.ID); live == nil || (live.GetDeletionTimestamp() != nil) != (e.Kind == kind) {
				t.Errorf("while the %s goes, %s is %v", kind, e.ID, live)
			}
		}
		w.by("holder", r.Waiting[0].ID, `{"metadata":{"finalizers":null}}`)
		w.gone(r.Waiting[0].ID)
		left = left.Minus(Inventory{r.Waiting[0].Entry})
	}
	if r, err := w.client.Remove(w.ctx, left, w.opts); err != nil || len(r.Waiting)+len(r.Kept) != 0 {
		t.Errorf("in the end: %+v, %v", r, err)
	}
}

// To let go of an object takes its label off, or has it name the Sync that it is moved to, and changes nothing else. What
// is another Sync's stays so, also if it became that only between the look and the write.
func TestLettingGoTouchesTheOwnLabelAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inv := Recorded(w.apply(w.set(`
apiVersion: v1
kind: ConfigMap
metadata: {name: left}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: moved}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: theirs}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: taken}`)))
	others := Owner{Namespace: w.ns, Name: "others"}
	taking := `{"metadata":{"labels":{"` + OwnerLabel + `":"` + others.Label() + `"}}}`
	find := func(name string) Inventory {
		e, _ := inv.Find(w.id("ConfigMap", name))
		return Inventory{e}
	}
	w.by("others", w.id("ConfigMap", "theirs"), taking)
	theirs := w.live(w.id("ConfigMap", "theirs")).GetResourceVersion()
	racing := rest.CopyConfig(w.config)
	raced := false
	racing.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/taken") && !raced {
				raced = true
				w.by("others", w.id("ConfigMap", "taken"), taking)
			}
			return next.RoundTrip(r)
		})
	})
	client, err := NewClient(racing)
	if err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]Owner{"left": {}, "moved": others, "theirs": {}, "taken": {}} {
		done, err := client.LetGo(w.ctx, find(name), to, w.opts)
		if err != nil || len(done) != 1 {
			t.Errorf("%s: %v, %v", name, done, err)
		}
	}
	for name, label := range map[string]string{"left": "", "moved": others.Label(), "theirs": others.Label(),
		"taken": others.Label()} {
		if got := w.live(w.id("ConfigMap", name)).GetLabels()[OwnerLabel]; got != label {
			t.Errorf("%s belongs to %q, want %q", name, got, label)
		}
	}
	if w.live(w.id("ConfigMap", "theirs")).GetResourceVersion() != theirs || !raced {
		t.Error("what is another Sync's was written, or nobody raced")
	}
}
