package manifests

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests/fields"
)

// wire is a client's way to the API server. It lets others act while a write is on it, and counts what comes back.
type wire struct {
	next   http.RoundTripper
	before func(write int)

	mu    sync.Mutex
	sent  map[string]int // requests that are no dry run by their method, and the writes by the answer's code
	count int
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.RawQuery, "dryRun") || !strings.Contains(r.URL.Path, "/namespaces/") {
		return w.next.RoundTrip(r)
	}
	writes := r.Method != http.MethodGet
	w.mu.Lock()
	w.sent[r.Method]++
	if writes {
		w.count++
	}
	n := w.count
	w.mu.Unlock()
	if writes && w.before != nil {
		w.before(n)
	}
	answer, err := w.next.RoundTrip(r)
	if err == nil && writes {
		w.mu.Lock()
		w.sent[fmt.Sprint(answer.StatusCode)]++
		w.mu.Unlock()
	}
	return answer, err
}

// over is another Daemongate, whose writes are on their way while before does something; it is told the write's number.
func (w *world) over(before func(write int)) (*Client, *wire) {
	w.t.Helper()
	config := rest.CopyConfig(w.config)
	way := &wire{before: before, sent: map[string]int{}}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		way.next = next
		return way
	})
	client, err := NewClient(config)
	if err != nil {
		w.t.Fatal(err)
	}
	return client, way
}

// lateKinds are agents with a generation and without one, NUMBER being the commit's.
var lateKinds = map[string]string{
	"ConfigMap": `
apiVersion: v1
kind: ConfigMap
metadata: {name: agent}
data: {image: vNUMBER}`,
	"DaemonSet": `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      nodeSelector: {nowhere: "true"}
      containers: [{name: agent, image: vNUMBER}]`,
}

func (w *world) commit(kind, number string) Set {
	w.t.Helper()
	return w.set(strings.ReplaceAll(lateKinds[kind], "NUMBER", number))
}

// asWritten is what tells whether the agent was written: its status may come and go.
func (w *world) asWritten(id ID) string {
	w.t.Helper()
	o := w.live(id)
	if o == nil {
		return "nothing"
	}
	return fmt.Sprint(o.GetUID(), o.GetGeneration(), o.GetLabels(), o.GetAnnotations(), o.Object["data"], o.Object["spec"])
}

// Two Daemongates write for a moment: the request of one, held up on its way, arrives when the other has applied a later
// commit, or pruned the object. Whatever the late one is, it is refused and changes nothing, and it is not sent again:
// who decided on it looks anew.
func TestALateWriteChangesNothing(t *testing.T) {
	t.Parallel()
	type story struct {
		before    string // the commit that is there
		late      func(w *world, c *Client, kind string, there Inventory) error
		meanwhile string // the commit that comes between, "" for the end of the object
		only      string // a kind
	}
	apply := func(w *world, c *Client, kind string, _ Inventory) error {
		_, err := c.Apply(w.ctx, w.commit(kind, "2"), w.opts)
		return err
	}
	for name, s := range map[string]story{
		"an apply":              {before: "1", late: apply, meanwhile: "3"},
		"a creation":            {late: apply, meanwhile: "3"},
		"an apply after an end": {before: "1", late: apply},
		"an apply by force": {before: "1", meanwhile: "3",
			late: func(w *world, c *Client, kind string, _ Inventory) error {
				o := w.opts
				o.Force = true
				_, err := c.Apply(w.ctx, w.commit(kind, "2"), o)
				return err
			}},
		"a brake": {before: "1", meanwhile: "3", only: "DaemonSet",
			late: func(w *world, c *Client, kind string, _ Inventory) error {
				_, err := c.Brake(w.ctx, w.commit(kind, "1").Objects()[0], Brake{Commit: "1"}, w.opts)
				return err
			}},
		"giving up nodes": {before: "1", meanwhile: "3", only: "DaemonSet",
			late: func(w *world, c *Client, kind string, there Inventory) error {
				_, err := c.HandOver(w.ctx, Handover{From: there[0], To: there[0].ID, Generation: 1}, w.opts)
				return err
			}},
		"a deletion": {before: "1", meanwhile: "3",
			late: func(w *world, c *Client, _ string, there Inventory) error {
				_, _, err := c.Prune(w.ctx, there, w.opts)
				return err
			}},
		"letting go": {before: "1", meanwhile: "3",
			late: func(w *world, c *Client, _ string, there Inventory) error {
				_, err := c.LetGo(w.ctx, there, Owner{}, w.opts)
				return err
			}},
	} {
		for kind := range lateKinds {
			if s.only != "" && s.only != kind {
				continue
			}
			t.Run(name+" of a "+kind, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				id := w.id(kind, "agent")
				var there Inventory
				if s.before != "" {
					there = Recorded(w.apply(w.commit(kind, s.before)))
				}
				wanted := ""
				late, way := w.over(func(write int) {
					if write > 1 {
						return
					}
					if s.meanwhile != "" {
						w.apply(w.commit(kind, s.meanwhile))
					} else {
						w.prune(there)
					}
					wanted = w.asWritten(id)
				})
				err := s.late(w, late, kind, there)
				if err == nil || !Temporary(err) {
					t.Errorf("it ended with: %v", err)
				}
				if got := w.asWritten(id); got != wanted {
					t.Errorf("it changed %s\nto %s", wanted, got)
				}
				if way.count != 1 || way.sent["409"] != 1 {
					t.Errorf("requests and answers: %v", way.sent)
				}
			})
		}
	}
}

// A DaemonSet's controller writes its status all the time while pods come up. An apply and a brake that it comes before
// look again, once for each time, and get through.
func TestAWriteDuringARolloutGetsThrough(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.id("DaemonSet", "agent")
	w.apply(w.commit("DaemonSet", "1"))
	first := 1
	client, way := w.over(func(write int) {
		if write >= first && write < first+3 {
			w.by("controller", id, fmt.Sprintf(`{"metadata":{"annotations":{"example.com/seen":"%d"}}}`, write))
		}
	})
	check := func(what string) { // the cluster's own controller may come before, too
		t.Helper()
		if way.sent["409"] < 3 || way.sent["200"] != 1 || way.sent["GET"] != way.sent["PATCH"] {
			t.Errorf("%s over three writes of others took %v", what, way.sent)
		}
		clear(way.sent)
		first = way.count + 1
	}
	done, err := client.Apply(w.ctx, w.commit("DaemonSet", "2"), w.opts)
	if err != nil || !done[0].Changed || done[0].Created || done[0].Generation != 2 {
		t.Fatalf("applied %v: %v", done, err)
	}
	check("an apply")
	braked, err := client.Brake(w.ctx, w.commit("DaemonSet", "2").Objects()[0], Brake{Commit: "2"}, w.opts)
	if err != nil || !braked.Changed || valueAt(w.live(id), "spec", "updateStrategy", "type") != "OnDelete" {
		t.Fatalf("braked %v: %v", braked, err)
	}
	check("a brake")
}

// An apply that nothing comes before takes one look and one write, whether it creates, changes or leaves the object; and
// what it was applied over does not get into the set.
func TestAQuietApplyTakesTwoRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client, way := w.over(nil)
	for _, number := range []string{"1", "2", "2"} {
		set := w.commit("ConfigMap", number)
		if _, err := client.Apply(w.ctx, set, w.opts); err != nil {
			t.Fatal(err)
		}
		if way.sent["GET"] != 1 || way.sent["PATCH"] != 1 || way.sent["409"] != 0 {
			t.Errorf("it took %v", way.sent)
		}
		clear(way.sent)
		if o := set.Objects()[0]; o.GetResourceVersion() != "" || o.GetUID() != "" {
			t.Errorf("the set has %v", o.Object["metadata"])
		}
	}
}

// What has become of an object counts, not what it was when it was first looked at: another Sync's label that comes
// between is honoured.
func TestAWriteIsDecidedAnew(t *testing.T) {
	t.Parallel()
	for kind := range lateKinds {
		w := newWorld(t)
		id := w.id(kind, "agent")
		w.apply(w.commit(kind, "1"))
		client, _ := w.over(func(int) {
			w.by("kubectl-label", id, `{"metadata":{"labels":{"daemongate.io/sync":"others.theirs"}}}`)
		})
		_, err := client.Apply(w.ctx, w.commit(kind, "2"), w.opts)
		var rejected *Rejected
		if !errors.As(err, &rejected) || rejected.Reason != ReasonOwned {
			t.Errorf("%s: applied: %v", kind, err)
		}
		if got := w.asWritten(id); strings.Contains(got, "v2") {
			t.Errorf("%s: it is %s", kind, got)
		}
	}
}

// What is created is applied all the same, by one manager: what Git drops later goes.
func TestWhatIsCreatedIsApplied(t *testing.T) {
	t.Parallel()
	for kind := range lateKinds {
		w := newWorld(t)
		w.apply(w.commit(kind, "1"))
		live := w.live(w.id(kind, "agent"))
		ours := slices.DeleteFunc(live.GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool {
			return e.Subresource == "status"
		})
		if len(ours) != 1 || !fields.IsOurs(live) {
			t.Errorf("%s: managers %v", kind, ours)
		}
	}
}
