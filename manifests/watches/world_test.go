package watches

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
)

const label = "example.com/of"

var (
	configMaps  = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	clusterRole = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"}
)

// server plays an API server whose objects are all of one kind.
type server struct {
	*httptest.Server
	t testing.TB

	mu      sync.Mutex
	version int
	objects map[string]*metav1.PartialObjectMetadata // by namespace/name
	watches map[chan metav1.WatchEvent]watching
	lists   []string // what was listed, in order
	// allows says who may list or watch a namespace, all if it is empty; nil for everybody.
	allows func(namespace string) bool
}

// watching is what an open watch was asked for.
type watching struct{ namespace, selector string }

func newServer(t testing.TB) *server {
	s := &server{t: t, version: 10, objects: map[string]*metav1.PartialObjectMetadata{},
		watches: map[chan metav1.WatchEvent]watching{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// pool is one that keeps the resourceVersion of each object, and panics where an annotation asks for it.
func (s *server) pool() *Pool[string] {
	client, err := metadata.NewForConfig(&rest.Config{Host: s.URL, QPS: -1})
	if err != nil {
		s.t.Fatal(err)
	}
	p := New(client, label, func(o metav1.Object) string {
		if o.GetAnnotations()["hostile"] != "" {
			panic("s3cr3t")
		}
		return o.GetResourceVersion()
	})
	s.t.Cleanup(func() { everybodyLeaves(p) })
	return p
}

// everybodyLeaves ends all watches of a pool.
func everybodyLeaves(p *Pool[string]) {
	p.mu.Lock()
	members := map[*member[string]]*kind[string]{}
	for _, k := range p.kinds {
		for m := range k.members {
			members[m] = k
		}
	}
	p.mu.Unlock()
	for m, k := range members {
		for _, s := range p.part(k, m) {
			<-s.ended
		}
	}
}

func (s *server) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	namespace := ""
	if _, rest, in := strings.Cut(r.URL.Path, "/namespaces/"); in {
		namespace, _, _ = strings.Cut(rest, "/")
	}
	asked := watching{namespace, r.URL.Query().Get("labelSelector")}
	rw.Header().Set("Content-Type", "application/json")
	switch {
	case !s.allowed(namespace):
		refuse(rw, http.StatusForbidden, metav1.StatusReasonForbidden)
	case r.URL.Query().Get("sendInitialEvents") != "": // an older server
		refuse(rw, http.StatusUnprocessableEntity, metav1.StatusReasonInvalid)
	case r.URL.Query().Get("watch") != "":
		s.watch(rw, r, asked)
	default:
		s.list(rw, asked)
	}
}

func (s *server) allowed(namespace string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.allows == nil || s.allows(namespace)
}

func refuse(rw http.ResponseWriter, code int, reason metav1.StatusReason) {
	rw.WriteHeader(code)
	_ = json.NewEncoder(rw).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status: "Failure", Reason: reason, Code: int32(code)}) //nolint:gosec // a status
}

func (s *server) list(rw http.ResponseWriter, asked watching) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lists = append(s.lists, asked.namespace+"?"+asked.selector)
	list := metav1.PartialObjectMetadataList{TypeMeta: metav1.TypeMeta{Kind: "PartialObjectMetadataList",
		APIVersion: "meta.k8s.io/v1"}, ListMeta: metav1.ListMeta{ResourceVersion: fmt.Sprint(s.version)}}
	for _, name := range slices.Sorted(maps.Keys(s.objects)) {
		if asked.sees(s.objects[name]) {
			list.Items = append(list.Items, *s.objects[name])
		}
	}
	_ = json.NewEncoder(rw).Encode(list)
}

func (w watching) sees(o *metav1.PartialObjectMetadata) bool {
	selector, err := labels.Parse(w.selector)
	return o != nil && err == nil && (w.namespace == "" || w.namespace == o.Namespace) && selector.Matches(labels.Set(o.Labels))
}

func (s *server) watch(rw http.ResponseWriter, r *http.Request, asked watching) {
	events := make(chan metav1.WatchEvent, 1000)
	s.mu.Lock()
	if from := r.URL.Query().Get("resourceVersion"); from != fmt.Sprint(s.version) {
		s.mu.Unlock() // nothing is remembered of what was
		refuse(rw, http.StatusGone, metav1.StatusReasonExpired)
		return
	}
	s.watches[events] = asked
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watches, events)
	}()
	_ = http.NewResponseController(rw).Flush()
	for {
		select {
		case <-r.Context().Done():
			return
		case e, open := <-events:
			if !open {
				return
			}
			_ = json.NewEncoder(rw).Encode(e)
			_ = http.NewResponseController(rw).Flush()
		}
	}
}

// put writes an object, or deletes it if it is of nobody and nothing.
func (s *server) put(namespace, name string, of map[string]string, annotations map[string]string) (version string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	now := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{Kind: "PartialObjectMetadata", APIVersion: "meta.k8s.io/v1"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: of, Annotations: annotations,
			ResourceVersion: fmt.Sprint(s.version)}}
	before := s.objects[namespace+"/"+name]
	s.objects[namespace+"/"+name] = now
	s.tell(before, now)
	return now.ResourceVersion
}

func (s *server) remove(namespace, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	before := s.objects[namespace+"/"+name]
	delete(s.objects, namespace+"/"+name)
	s.tell(before, nil)
}

// tell tells the watches of a change as the API server does: what leaves a selection is deleted for it.
func (s *server) tell(before, now *metav1.PartialObjectMetadata) {
	for events, asked := range s.watches {
		had, has := asked.sees(before), asked.sees(now)
		kind, o := "MODIFIED", now
		switch {
		case !had && !has:
			continue
		case !had:
			kind = "ADDED"
		case !has:
			kind, o = "DELETED", before.DeepCopy()
			o.ResourceVersion = fmt.Sprint(s.version)
		}
		e := metav1.WatchEvent{Type: kind}
		e.Object.Raw, _ = json.Marshal(o)
		events <- e
	}
}

// cut ends all watches.
func (s *server) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for events := range s.watches {
		close(events)
		delete(s.watches, events)
	}
}

// open are the watches that are open.
func (s *server) open() (all []watching) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.watches))
}

// follower notes what it is told.
type follower struct {
	mu     sync.Mutex
	read   bool
	all    map[string]string // version by name
	gone   map[string]string
	at     string
	err    error
	panics bool
}

func (f *follower) Read(all map[string]string, version string) {
	f.note(func() { f.read, f.all, f.gone, f.at, f.err = true, maps.Clone(all), map[string]string{}, version, nil })
}

func (f *follower) See(name, version string, gone bool) {
	f.note(func() {
		if delete(f.gone, name); !gone {
			f.all[name] = version
			return
		}
		delete(f.all, name)
		f.gone[name] = version
	})
}

func (f *follower) Failed(err error) { f.note(func() { f.read, f.err = false, err }) }

func (f *follower) note(what func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.panics {
		panic("s3cr3t")
	}
	what()
}

func (f *follower) setPanics(panics bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.panics = panics
}

// sees reports whether it has been told of exactly these objects.
func (f *follower) sees(names ...string) func() bool {
	return func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.read && slices.Equal(slices.Sorted(maps.Keys(f.all)), names)
	}
}

func (f *follower) trouble() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// until waits for something.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func of(value string) map[string]string { return map[string]string{label: value} }
