package page_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	gosync "sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// apiServer plays what the page needs of an API server: Syncs to be listed, watched, read and patched, and an answer to
// who asks what they may do.
type apiServer struct {
	*httptest.Server

	mu       gosync.Mutex
	away     bool // no request is answered
	readOnly bool // nobody may write
	version  int
	syncs    map[string]*api.Sync
	watches  map[chan string]bool
	patches  []string // what was written to which Sync
}

func newAPIServer(t testing.TB) *apiServer {
	a := &apiServer{syncs: map[string]*api.Sync{}, watches: map[chan string]bool{}}
	a.Server = httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(func() {
		a.CloseClientConnections()
		a.Close()
	})
	return a
}

func (a *apiServer) config() *rest.Config { return &rest.Config{Host: a.URL, QPS: -1} }

// put has a Sync as it is now, and tells who watches.
func (a *apiServer) put(s *api.Sync) {
	a.mu.Lock()
	defer a.mu.Unlock()
	kind := "ADDED"
	if a.syncs[s.Namespace+"/"+s.Name] != nil {
		kind = "MODIFIED"
	}
	a.version++
	s.TypeMeta = metav1.TypeMeta{APIVersion: api.Resource.GroupVersion().String(), Kind: "Sync"}
	s.ResourceVersion = strconv.Itoa(a.version)
	a.syncs[s.Namespace+"/"+s.Name] = s
	for w := range a.watches {
		w <- event(kind, s)
	}
}

// leave has no request answered any more, until it comes back.
func (a *apiServer) leave() {
	a.mu.Lock()
	a.away = true
	a.mu.Unlock()
	a.CloseClientConnections()
}

func (a *apiServer) comeBack() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.away = false
}

func (a *apiServer) written() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.patches, "\n")
}

func event(kind string, object any) string {
	text, _ := json.Marshal(map[string]any{"type": kind, "object": object}) // what is put in here can be written
	return string(text) + "\n"
}

func (a *apiServer) serve(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	away, may := a.away, !a.readOnly
	a.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/apis/"+api.Resource.GroupVersion().String())
	switch {
	case away:
		panic(http.ErrAbortHandler)
	case strings.HasSuffix(r.URL.Path, "accessreviews"):
		answer(w, http.StatusCreated, map[string]any{"apiVersion": "authorization.k8s.io/v1",
			"kind": "SelfSubjectAccessReview", "status": map[string]any{"allowed": may}})
	case path == "/syncs" && r.URL.Query().Get("watch") != "":
		a.watch(w, r)
	case path == "/syncs":
		a.mu.Lock()
		defer a.mu.Unlock()
		list := []*api.Sync{}
		for _, s := range a.syncs {
			list = append(list, s)
		}
		answer(w, http.StatusOK, map[string]any{"apiVersion": api.Resource.GroupVersion().String(), "kind": "SyncList",
			"metadata": map[string]any{"resourceVersion": strconv.Itoa(a.version)}, "items": list})
	case strings.HasPrefix(path, "/namespaces/"):
		a.one(w, r, strings.Split(path, "/"))
	default:
		answer(w, http.StatusNotFound, notFound(r.URL.Path))
	}
}

// one reads or writes a Sync: /namespaces/NAMESPACE/syncs/NAME.
func (a *apiServer) one(w http.ResponseWriter, r *http.Request, path []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.syncs[path[2]+"/"+path[len(path)-1]]
	if s == nil {
		answer(w, http.StatusNotFound, notFound(r.URL.Path))
		return
	}
	if r.Method == http.MethodPatch {
		var change json.RawMessage
		_ = json.NewDecoder(r.Body).Decode(&change) // written by client-go
		a.patches = append(a.patches, s.Name+" "+string(change))
	}
	answer(w, http.StatusOK, s)
}

// watch tells what is there, and then what changes.
func (a *apiServer) watch(w http.ResponseWriter, r *http.Request) {
	changes := make(chan string, 10_000)
	a.mu.Lock()
	if r.URL.Query().Get("sendInitialEvents") == "true" {
		for _, s := range a.syncs {
			changes <- event("ADDED", s)
		}
		changes <- event("BOOKMARK", map[string]any{"apiVersion": api.Resource.GroupVersion().String(), "kind": "Sync",
			"metadata": map[string]any{"resourceVersion": strconv.Itoa(a.version),
				"annotations": map[string]string{"k8s.io/initial-events-end": "true"}}})
	}
	a.watches[changes] = true
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.watches, changes)
	}()
	w.Header().Set("Content-Type", "application/json")
	control := http.NewResponseController(w)
	for {
		if len(changes) == 0 {
			_ = control.Flush() // who went away is found out below
		}
		select {
		case <-r.Context().Done():
			return
		case text := <-changes:
			if _, err := fmt.Fprint(w, text); err != nil {
				return
			}
		}
	}
}

func answer(w http.ResponseWriter, code int, object any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(object) // who went away does not hear it
}

func notFound(path string) metav1.Status {
	return metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure,
		Reason: metav1.StatusReasonNotFound, Code: http.StatusNotFound, Message: path + " not found",
		Details: &metav1.StatusDetails{Name: path}}
}
