package page

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	gosync "sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/cmd/daemongate/follow"
	"github.com/daemongate/daemongate/cmd/daemongate/reviews"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/report"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// cluster is a played API server with Syncs, people and what they may.
type cluster struct {
	*httptest.Server
	t testing.TB

	mu       gosync.Mutex
	down     bool
	version  int
	syncs    map[string]*api.Sync
	watches  map[chan string]string // a line each; of which namespace
	tokens   map[string]authenticationv1.UserInfo
	rights   map[string]bool // "user verb namespace/name", with * for any
	asked    map[string]int  // how often, by kind of question
	patches  []string        // with whose token they came
	verdicts map[string]rollout.NodeState
	news     []chan struct{}
}

func newCluster(t testing.TB) *cluster {
	t.Helper()
	c := &cluster{t: t, syncs: map[string]*api.Sync{}, watches: map[chan string]string{},
		tokens: map[string]authenticationv1.UserInfo{}, rights: map[string]bool{}, asked: map[string]int{},
		verdicts: map[string]rollout.NodeState{}}
	c.Server = httptest.NewServer(c)
	t.Cleanup(func() { c.CloseClientConnections(); c.Close() })
	return c
}

// rolls puts a Sync that rolls out into the cluster, or changes it.
func (c *cluster) rolls(namespace, name string) {
	hash := strings.Repeat("b", 40)
	s := &api.Sync{TypeMeta: metav1.TypeMeta{APIVersion: api.GroupVersion.String(), Kind: api.Kind.Kind},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	s.Spec.Source.URL = "https://ada:hunter2@git.example.com/fleet.git"
	s.Status.Summary = api.Summary{Commit: "bbbbbbb", State: api.Stuck, Message: "one of three nodes fails"}
	s.Status.InFlight = &api.Flight{Commit: hash, State: api.Stuck, Since: metav1.NowMicro(),
		Workloads: []api.Workload{{Kind: "DaemonSet", Group: "apps", Name: "agent"}}}
	s.Status.History = []api.Record{{Commit: hash, State: api.Stuck, Subject: "a new agent", Since: metav1.NowMicro(),
		First: metav1.NowMicro()}}
	c.put(s)
}

func (c *cluster) put(s *api.Sync) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key, kind := s.Namespace+"/"+s.Name, "MODIFIED"
	if c.syncs[key] == nil {
		kind = "ADDED"
	}
	c.version++
	s.ResourceVersion = fmt.Sprint(c.version)
	c.syncs[key] = s
	c.tell(kind, s)
}

// tell tells those who watch. The lock is held.
func (c *cluster) tell(kind string, s *api.Sync) {
	for watch, namespace := range c.watches {
		if namespace == "" || namespace == s.Namespace {
			watch <- event(kind, s)
		}
	}
}

func event(kind string, o any) string {
	text, _ := json.Marshal(map[string]any{"type": kind, "object": o})
	return string(text) + "\n"
}

// turns has a node come to a state.
func (c *cluster) turns(node string, state rollout.NodeState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.verdicts[node] = state
	for _, one := range c.news {
		select {
		case one <- struct{}{}:
		default:
		}
	}
}

func (c *cluster) set(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

func (c *cluster) watching() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.watches) + len(c.news)
}

// ServeHTTP plays the part of the API server.
func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	down := c.down
	c.mu.Unlock()
	if down {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch last := path[len(path)-1]; {
	case strings.HasSuffix(last, "reviews"):
		c.review(w, r, last)
	case last == "syncs" && r.URL.Query().Get("watch") != "":
		c.watch(w, r, between(path))
	case last == "syncs":
		c.list(w, between(path))
	default:
		c.one(w, r, between(path)+"/"+last)
	}
}

func between(path []string) string {
	if i := slices.Index(path, "namespaces"); i >= 0 {
		return path[i+1]
	}
	return ""
}

func (c *cluster) review(w http.ResponseWriter, r *http.Request, kind string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked[kind]++
	var answer any
	switch kind {
	case "tokenreviews":
		var review authenticationv1.TokenReview
		_ = json.NewDecoder(r.Body).Decode(&review)
		user, known := c.tokens[review.Spec.Token]
		review.Status.Authenticated, review.Status.User = known, user
		answer = review
	case "subjectaccessreviews":
		var review authorizationv1.SubjectAccessReview
		_ = json.NewDecoder(r.Body).Decode(&review)
		a := review.Spec.ResourceAttributes
		verb := a.Verb
		if a.Resource != api.Resource.Resource {
			verb += "-" + a.Resource
		}
		for _, where := range []string{a.Namespace + "/" + a.Name, a.Namespace + "/*", "*/*"} {
			if a.Name == "" && where == a.Namespace+"/" || a.Namespace == "" && where != "*/*" {
				continue
			}
			review.Status.Allowed = review.Status.Allowed || c.rights[review.Spec.User+" "+verb+" "+where]
		}
		answer = review
	default:
		var review authorizationv1.SelfSubjectAccessReview
		_ = json.NewDecoder(r.Body).Decode(&review)
		review.Status.Allowed = !c.rights["caller reads"]
		answer = review
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(answer)
}

func (c *cluster) of(namespace string) []*api.Sync {
	var all []*api.Sync
	for _, s := range c.syncs {
		if namespace == "" || s.Namespace == namespace {
			all = append(all, s)
		}
	}
	return all
}

func (c *cluster) list(w http.ResponseWriter, namespace string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"apiVersion": api.GroupVersion.String(), "kind": "SyncList",
		"metadata": map[string]any{"resourceVersion": fmt.Sprint(c.version)}, "items": c.of(namespace)})
}

func (c *cluster) watch(w http.ResponseWriter, r *http.Request, namespace string) {
	lines := make(chan string, 1000)
	c.mu.Lock()
	if r.URL.Query().Get("sendInitialEvents") != "" {
		for _, s := range c.of(namespace) {
			lines <- event("ADDED", s)
		}
		lines <- event("BOOKMARK", map[string]any{"apiVersion": api.GroupVersion.String(), "kind": api.Kind.Kind,
			"metadata": map[string]any{"resourceVersion": fmt.Sprint(c.version),
				"annotations": map[string]string{metav1.InitialEventsAnnotationKey: "true"}}})
	}
	c.watches[lines] = namespace
	c.mu.Unlock()
	defer c.set(func() { delete(c.watches, lines) })
	w.Header().Set("Content-Type", "application/json")
	for {
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
			return
		case text := <-lines:
			_, _ = io.WriteString(w, text)
		}
	}
}

func (c *cluster) one(w http.ResponseWriter, r *http.Request, key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.syncs[key]
	w.Header().Set("Content-Type", "application/json")
	if s == nil {
		w.WriteHeader(http.StatusNotFound)
		_ = json.NewEncoder(w).Encode(metav1.Status{Status: metav1.StatusFailure, Reason: metav1.StatusReasonNotFound,
			Code: http.StatusNotFound, Details: &metav1.StatusDetails{Name: key}})
		return
	}
	if r.Method == http.MethodPatch {
		patch, _ := io.ReadAll(r.Body)
		c.patches = append(c.patches, r.Header.Get("Authorization")+" "+string(patch))
		_ = json.Unmarshal(patch, s)
	}
	_ = json.NewEncoder(w).Encode(s)
}

// reach leads to the cluster, with three nodes.
func (c *cluster) reach() Reach {
	return Reach{
		Config: &rest.Config{Host: c.URL, QPS: -1, BearerToken: "the-controllers-own",
			ContentConfig: rest.ContentConfig{ContentType: "application/json"}},
		Sight: func(*rest.Config) (Sight, error) {
			return Sight{Stop: func() {}, Follow: func(*api.Sync) (follow.Follower, error) {
				news := make(chan struct{}, 1)
				c.set(func() { c.news = append(c.news, news) })
				return &flight{c, news}, nil
			}}, nil
		},
		Released: func(s *api.SyncStatus) (string, api.CommitState) { return s.InFlight.Commit, api.Stuck },
	}
}

// flight is what is in flight there.
type flight struct {
	cluster *cluster
	news    chan struct{}
}

func (f *flight) Now() time.Time        { return time.Now() }
func (f *flight) News() <-chan struct{} { return f.news }

func (f *flight) Stop() {
	f.cluster.set(func() {
		f.cluster.news = slices.DeleteFunc(f.cluster.news, func(one chan struct{}) bool { return one == f.news })
	})
}

func (f *flight) Judge(context.Context) ([]report.Judged, error) {
	f.cluster.mu.Lock()
	defer f.cluster.mu.Unlock()
	j := rollout.Judgement{Verdict: rollout.Stuck, Desired: 3, Updated: 2, Settled: 1, Causes: []rollout.Cause{{
		Code: rollout.CrashLoop, Nodes: []string{"node-2"}, Message: "it ends", Remedy: "Fix it."}}}
	for _, name := range []string{"node-1", "node-2", "node-3"} {
		state := f.cluster.verdicts[name]
		if state == "" {
			state = map[string]rollout.NodeState{"node-1": rollout.IsSettled, "node-2": rollout.IsFailing,
				"node-3": rollout.IsOld}[name]
		}
		j.Nodes = j.Nodes.And([]rollout.Node{{Name: name, State: state}})
	}
	return []report.Judged{{Target: rollout.Target{Namespace: "logging", Name: "agent"}, Judgement: j,
		Look: twoTemplates()}}, nil
}

// twoTemplates is a DaemonSet that was given another template just now.
func twoTemplates() (look rollout.Look) {
	yes, labels := true, map[string]string{"app": "agent"}
	d := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "logging", Name: "agent", UID: "ds"}}
	d.Spec.Template.Labels = labels
	for i, version := range []string{"v1", "v2"} {
		d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "agent", Image: "agent:" + version}}
		r := &appsv1.ControllerRevision{Revision: int64(i + 1), ObjectMeta: metav1.ObjectMeta{Name: "agent-" + version,
			CreationTimestamp: metav1.NewTime(time.Now()),
			OwnerReferences:   []metav1.OwnerReference{{Kind: "DaemonSet", Name: "agent", UID: "ds", Controller: &yes}},
			Labels:            map[string]string{appsv1.DefaultDaemonSetUniqueLabelKey: version}}}
		r.Data.Raw, _ = json.Marshal(map[string]any{"spec": map[string]any{"template": d.Spec.Template}})
		look.Revisions = append(look.Revisions, r)
	}
	look.DaemonSet = d
	return look
}

// inCluster serves the page as the controller does, with ada, who may see all, and what else is said of people.
func (c *cluster) inCluster(acts bool) *httptest.Server {
	c.t.Helper()
	p, err := InCluster(c.reach(), acts)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.serve(p)
}

func (c *cluster) serve(p *Page) *httptest.Server {
	server := httptest.NewServer(p.Handler())
	c.t.Cleanup(func() { server.CloseClientConnections(); server.Close(); p.Close() })
	return server
}

// forgetful has a page ask the API server every time what somebody may.
func forgetful(t testing.TB, p *Page) {
	t.Helper()
	kube, err := kubernetes.NewForConfig(p.reach.Config)
	if err != nil {
		t.Fatal(err)
	}
	p.door.(*bearers).reviews = reviews.NewMemory(kube, time.Now, 0)
}

// knows has the API server know somebody by a token, and lets them do some things.
func (c *cluster) knows(token, user string, rights ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tokens[token] = authenticationv1.UserInfo{Username: user}
	for _, one := range rights {
		c.rights[user+" "+one] = true
	}
}

// answer is what came of a request.
type answer struct {
	code   int
	header http.Header
	text   string
}

// ask sends a request, with headers as names and values in turn.
func ask(t testing.TB, method, url, body string, headers ...string) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	got, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	var text []byte
	if got.Header.Get("Content-Type") != "text/event-stream" { // which does not end
		text, _ = io.ReadAll(got.Body)
	}
	return answer{got.StatusCode, got.Header, string(text)}
}
