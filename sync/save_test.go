package sync

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// written is one write of a status, as the API server hears it.
type written struct {
	version string
	body    map[string]any
}

// listening is a way to an API server that takes every write of a Sync's status, or answers with a refusal.
func listening(t *testing.T, heard *[]written, refusal *metav1.Status) *Syncs {
	t.Helper()
	config := &rest.Config{Host: "https://api.invalid"}
	config.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		w, code := written{body: map[string]any{}}, http.StatusOK
		if err := json.NewDecoder(r.Body).Decode(&w.body); err != nil {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
		w.version, _, _ = unstructured.NestedString(w.body, "metadata", "resourceVersion")
		*heard = append(*heard, w)
		answer := maps.Clone(w.body)
		answer["apiVersion"], answer["kind"] = api.Kind.GroupVersion().String(), api.Kind.Kind
		text := must(json.Marshal(answer))
		if refusal != nil {
			text, code = must(json.Marshal(refusal)), int(refusal.Code)
		}
		return &http.Response{StatusCode: code, Header: http.Header{"Content-Type": {"application/json"}},
			Body: io.NopCloser(bytes.NewReader(text)), Request: r}, nil
	})
	return NewSyncs(must(dynamic.NewForConfig(config)))
}

// conflict is the API server's answer to who has read another version than there is now.
func conflict() *metav1.Status {
	s := apierrors.NewConflict(api.Resource.GroupResource(), "agents", errors.New("the object has been modified")).Status()
	s.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	return &s
}

// A status is written onto the version that it was decided on, also where the informer has a newer Sync meanwhile: that
// may have the status of another controller.
func TestAStatusIsWrittenOntoWhatItWasDecidedOn(t *testing.T) {
	var heard []written
	s := &api.Sync{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "agents", ResourceVersion: "9"}}
	l := &syncLoop{placed: placed{Controller: &Controller{Now: time.Now, Syncs: listening(t, &heard, nil)}}, sync: s,
		saved: savedStatus{version: "7"}}
	if err := l.save(t.Context(), api.SyncStatus{GateStatus: api.GateStatus{Head: "a"}}, false); err != nil {
		t.Fatal(err)
	}
	if len(heard) != 1 || heard[0].version != "7" {
		t.Errorf("written: %+v", heard)
	}
}

// What is said of a Sync that cannot be read is said once, onto what was read; the rest of its status, which is not
// understood either, stays out of it. When somebody has written the Sync meanwhile it is looked at again.
func TestWhatIsSaidOfAnUnreadableSyncIsSaidOnce(t *testing.T) {
	var heard []written
	u := &unstructured.Unstructured{}
	u.SetUnstructuredContent(map[string]any{"spec": map[string]any{"source": map[string]any{"interval": "soon"}},
		"status": map[string]any{"passed": "a", "inventory": []any{map[string]any{"kind": "ConfigMap"}}}})
	u.SetGroupVersionKind(api.Kind)
	u.SetNamespace("n")
	u.SetName("agents")
	u.SetResourceVersion("7")
	told := &countedNews{}
	c := &Controller{Now: time.Now, Teller: told, Syncs: listening(t, &heard, conflict())}
	_, why := FromInformer(u)
	if err := c.stallUnread(t.Context(), informerOf(u), "n/agents", why); !apierrors.IsConflict(err) || told.n != 0 {
		t.Errorf("somebody has written it meanwhile: %v, told %d times", err, told.n)
	}
	c.Syncs = listening(t, &heard, nil)
	if err := c.stallUnread(t.Context(), informerOf(u), "n/agents", why); err != nil {
		t.Fatal(err)
	}
	last := heard[len(heard)-1]
	status, _ := last.body["status"].(map[string]any)
	if last.version != "7" || status["conditions"] == nil || status["passed"] != nil || status["inventory"] != nil {
		t.Errorf("written: %+v", last)
	}
	said, _, _ := unstructured.NestedSlice(last.body, "status", "conditions")
	if err := unstructured.SetNestedSlice(u.Object, said, "status", "conditions"); err != nil {
		t.Fatal(err)
	}
	if err := c.stallUnread(t.Context(), informerOf(u), "n/agents", why); err != nil || len(heard) != 2 || told.n != 1 {
		t.Errorf("it is said again: %v, written %d times, told %d times", err, len(heard), told.n)
	}
}

// What an informer keeps of a Sync is decoded once, for all who look. The record of who wrote which field is kept where
// that is asked, and what cannot be read stays as it came.
func TestASyncIsDecodedWhenItArrives(t *testing.T) {
	came := func(annotations map[string]string, interval string) *unstructured.Unstructured {
		u := &unstructured.Unstructured{}
		u.SetUnstructuredContent(map[string]any{"spec": map[string]any{"source": map[string]any{"interval": interval}}})
		u.SetGroupVersionKind(api.Kind)
		u.SetNamespace("n")
		u.SetName("agents")
		u.SetAnnotations(annotations)
		u.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "kubectl"}})
		return u
	}
	arrived := 0
	syncs := &Syncs{kept: func(*api.Sync) { arrived++ }}
	store := cache.NewStore(cache.MetaNamespaceKeyFunc, cache.WithTransformer(syncs.decoded))
	c := &Controller{known: seenSyncs{"n": store}}
	for _, u := range []*unstructured.Unstructured{came(nil, "5s"), came(map[string]string{overrideAnnotation: "{}"}, "5s")} {
		asked := len(u.GetAnnotations()) > 0
		if err := store.Add(u); err != nil {
			t.Fatal(err)
		}
		s := c.Find("n/agents")
		if s == nil || s.Spec.Source.Interval.Duration != 5*time.Second || (len(s.ManagedFields) > 0) != asked {
			t.Fatalf("%+v", s)
		}
		if again, err := syncs.decoded(s); again != any(s) || err != nil || c.Known()[0] != s {
			t.Errorf("it is decoded again: %v", err)
		}
	}
	if err := store.Add(came(nil, "soon")); err != nil {
		t.Fatal(err)
	}
	o, _, _ := store.GetByKey("n/agents")
	if u, is := o.(*unstructured.Unstructured); !is || len(u.GetManagedFields()) > 0 || c.Find("n/agents") != nil || arrived != 2 {
		t.Errorf("%T, and %d were decoded", o, arrived)
	}
}

// The strings of a Sync that is kept lie in one piece, and equal ones are there once.
func TestTheTextsOfAKeptSyncLieInOnePiece(t *testing.T) {
	u := &unstructured.Unstructured{}
	entry := func(name string) any {
		return map[string]any{"kind": "ConfigMap", "namespace": strings.Clone("tenant"), "name": name, "version": "v1"}
	}
	u.SetUnstructuredContent(map[string]any{"status": map[string]any{"inventory": []any{entry("a"), entry("b")}}})
	u.SetNamespace(strings.Clone("tenant"))
	u.SetName("agents")
	s, is := must(new(Syncs).decoded(u)).(*api.Sync)
	if !is || len(s.Status.Inventory) != 2 || s.Status.Inventory[1].Name != "b" {
		t.Fatalf("%+v", s)
	}
	for _, e := range s.Status.Inventory {
		if unsafe.StringData(e.Namespace) != unsafe.StringData(s.Namespace) {
			t.Errorf("the namespace of %s is another string than the Sync's", e.Name)
		}
	}
}

// The names of a set that is kept in short lie in one piece, and hold nothing of what was rendered.
func TestTheNamesOfAPackedSetLieInOnePiece(t *testing.T) {
	rendered := &readySet{read: []string{"a/kustomization.yaml", strings.Clone("a/kustomization.yaml")}}
	for _, name := range []string{"a", "b"} {
		rendered.Objects = append(rendered.Objects, api.InventoryEntry{Namespace: strings.Clone("tenant"), Name: name})
	}
	short := rendered.inShort()
	if !reflect.DeepEqual(short.Objects, rendered.Objects) || !slices.Equal(short.read, rendered.read) {
		t.Fatalf("%+v", short)
	}
	if first := unsafe.StringData(short.Objects[0].Namespace); first != unsafe.StringData(short.Objects[1].Namespace) ||
		first == unsafe.StringData(rendered.Objects[0].Namespace) || &short.Objects[0] == &rendered.Objects[0] ||
		unsafe.StringData(short.read[0]) != unsafe.StringData(short.read[1]) {
		t.Error("strings of what was rendered are kept")
	}
}

// Once an informer has what was written, the loop keeps that in place of its own; what is only remembered here stays,
// and of what the API server has otherwise the loop keeps its own.
func TestTheLoopKeepsTheInformersStatus(t *testing.T) {
	var heard []written
	next := api.SyncStatus{GateStatus: api.GateStatus{Head: "a", Inventory: []api.InventoryEntry{{Kind: "ConfigMap", Name: "a"}}}}
	for name, c := range map[string]struct {
		decided, seen api.SyncStatus
		shares        bool
	}{
		"it is what was written":     {next, *next.DeepCopy(), true},
		"more was decided since":     {with(next, func(s *api.SyncStatus) { s.Head = "b" }), *next.DeepCopy(), false},
		"it is stored beside":        {next, with(next, func(s *api.SyncStatus) { s.Inventory = nil }), false},
		"how objects are left waits": {with(next, func(s *api.SyncStatus) { s.Left = "sum" }), *next.DeepCopy(), true},
	} {
		l := &syncLoop{placed: placed{Controller: &Controller{Now: time.Now, Syncs: listening(t, &heard, nil)}},
			sync:  &api.Sync{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "agents", ResourceVersion: "7"}},
			saved: savedStatus{version: "7"}}
		if err := l.save(t.Context(), next, false); err != nil {
			t.Fatal(err)
		}
		l.sync.Status = c.decided
		seen := &api.Sync{ObjectMeta: l.sync.ObjectMeta, Status: c.seen}
		shareStatus(l, seen)
		if !reflect.DeepEqual(l.sync.Status, c.decided) || !reflect.DeepEqual(l.saved.status, next) ||
			!reflect.DeepEqual(l.saved.server, c.seen) {
			t.Errorf("%s: kept are %+v", name, l.saved)
		}
		same := len(c.seen.Inventory) > 0 && &l.sync.Status.Inventory[0] == &c.seen.Inventory[0] &&
			&l.saved.status.Inventory[0] == &c.seen.Inventory[0]
		if same != c.shares {
			t.Errorf("%s: shared is %v", name, same)
		}
		writes := len(heard)
		if err := l.save(t.Context(), c.decided, false); err != nil || c.shares && len(heard) != writes {
			t.Errorf("%s: %v, written %d times", name, err, len(heard)-writes)
		}
	}
}

func with(s api.SyncStatus, change func(*api.SyncStatus)) api.SyncStatus {
	s = *s.DeepCopy()
	change(&s)
	return s
}

// informerOf is a Sync as the informer has it.
func informerOf(u *unstructured.Unstructured) seenSyncs {
	store := cache.NewStore(cache.MetaNamespaceKeyFunc)
	_ = store.Add(u) // it has a name
	return seenSyncs{u.GetNamespace(): store}
}

// countedNews counts what is told.
type countedNews struct{ n int }

func (t *countedNews) Tell(*api.Sync, News) { t.n++ }

// That commits change nothing is written with the next thing that there is to say, within minutes at the latest, and at
// once where somebody would miss it: a first head, a commit that takes long to look into, any other difference.
func TestWhatMayWaitIsWrittenInTime(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	status := func(head, passed string) api.SyncStatus {
		return api.SyncStatus{GateStatus: api.GateStatus{Head: head, Passed: passed,
			InFlight: &api.Flight{Commit: "a", State: api.Complete, Workloads: []api.Workload{{Name: "agent"}}}}}
	}
	failed := status("b", "a")
	failed.Failed = []api.FailedCommit{{Commit: "b"}}
	held := status("b", "a")
	held.Held = api.HeldCommits{Count: 1, Newest: "b", Reason: "the window is closed"}
	rolls := status("a", "a")
	rolls.InFlight.Workloads = []api.Workload{{Name: "agent", Headline: "1 of 2"}}
	both := rolls
	both.Head, both.Passed = "b", "b"
	relapsed := status("b", "b")
	relapsed.InFlight.State = api.Stuck
	for name, c := range map[string]struct {
		saved, next api.SyncStatus
		passing     bool
		least, most time.Duration
	}{
		"a commit that changes nothing": {status("a", "a"), status("b", "b"), true, passingPause / 2, passingPause},
		"one that is looked into":       {status("a", "a"), status("b", "a"), true, progressPause, progressPause},
		"one that is told":              {status("a", "a"), status("b", "b"), false, 0, 0},
		"the first one":                 {api.SyncStatus{}, status("b", "b"), true, 0, 0},
		"one that failed":               {status("a", "a"), failed, true, 0, 0},
		"one that waits":                {status("a", "a"), held, true, 0, 0},
		"beside another change":         {status("a", "a"), relapsed, true, 0, 0},
		"mere progress, some time ago":  {status("a", "a"), rolls, true, progressPause - time.Hour, progressPause - time.Hour},
		"progress while one passes":     {status("a", "a"), both, true, progressPause - time.Hour, progressPause - time.Hour},
	} {
		s := savedStatus{status: c.saved, at: now.Add(-time.Hour)}
		if due := s.due(c.saved.Head, c.next, now, c.passing).Sub(now); due < c.least || due > c.most {
			t.Errorf("%s: due after %s", name, due)
		}
	}
	s := savedStatus{status: status("a", "a"), at: now.Add(-time.Hour)}
	first := s.due("a", status("b", "b"), now, true)
	for i := range 100 {
		now = now.Add(time.Minute)
		if due := s.due("b", status("c", "c"), now, true); !due.Equal(first) {
			t.Fatalf("after %d more commits it is due at %s, not %s", i, due, first)
		}
	}
	s.status.History = []api.Record{{Commit: "a"}}
	next := status("z", "z")
	for range mostUnwritten {
		next.History = append(next.History, api.Record{Commit: "b"})
	}
	if due := s.due("b", next, now, true); !due.Equal(now) {
		t.Errorf("with %d commits that are not written it is due after %s", mostUnwritten, due.Sub(now))
	}
}

// What a status is compared by shares what it can with the status itself, which stays as it is.
func TestComparingAStatusLeavesItAsItIs(t *testing.T) {
	const text = `{"head":"b","passed":"a","left":"sum","summary":{"nodes":"1 of 3","message":"rolls out","commit":"a"},
"conditions":[{"type":"Ready","status":"False","reason":"Progressing","message":"1 of 3","lastTransitionTime":null}],
"inventory":[{"version":"v1","kind":"ConfigMap","name":"a","uid":"1"}],
"ailing":{"since":"2026-01-01T00:00:00.000000Z","count":2,"objects":[{"object":"ConfigMap a","message":"is not well"}]},
"history":[{"commit":"a","state":"Complete"}],
"inFlight":{"commit":"b","generation":1,"digest":"d","state":"Progressing","since":"2026-01-01T00:00:00.000000Z","private":"1 of 3",
"causes":[{"code":"NotReady","object":"Deployment a"},{"code":"CrashLoop","object":"DaemonSet a","message":"exits"}],
"followers":[{"commit":"c"}],"nodes":{"desired":3,"updated":1,"settled":1},"stage":{"name":"canary","message":"waits","nodes":3,"waitsFor":"Nodes"},
"workloads":[{"kind":"DaemonSet","name":"a","headline":"1 of 3","memory":{"a":"b"},"notes":["x"]}]}}`
	var s, same api.SyncStatus
	for _, into := range []*api.SyncStatus{&s, &same} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	if f := withoutPassing(s).InFlight; len(f.Followers) > 0 || f.Nodes.Desired != 3 {
		t.Errorf("%+v", f)
	}
	without := withoutPassing(withoutProgress(s))
	if !reflect.DeepEqual(s, same) {
		t.Errorf("changed to %+v", s)
	}
	if f := without.InFlight; f == s.InFlight || f.Workloads[0].Headline+without.Conditions[0].Message+without.Head+f.Stage.Message != "" ||
		f.Nodes.Desired+len(f.Followers) > 0 || len(f.Causes) != 1 || len(without.Inventory) != 1 {
		t.Errorf("%+v", without)
	}
}
