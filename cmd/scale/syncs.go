package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/daemongate/daemongate/cmd/scale/growth"
	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/manifests/install"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// perRepository is how many Syncs follow one repository, each a folder of its own, and objects how many are in a
// folder.
const perRepository, objects = 20, 10

// fleet is many Syncs. Each repository is that of a tenant: a namespace with an account of its own.
type fleet struct {
	*stage
	repositories []repository
	n            int
	heads        []string // of the repositories
	written      *seen    // the objects, by namespace and name: their values
	complete     *seen    // the Syncs, by namespace and name: the commit that is complete
}

// syncs measures so many Syncs.
func (r *rehearsal) syncs(ctx context.Context, n int) ([]growth.Figure, error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	s, err := r.newStage(ctx, clustertest.Options{Nodes: -1})
	if err != nil {
		return nil, err
	}
	defer s.end()
	f := &fleet{stage: s, n: n}
	if err := f.prepare(ctx); err != nil {
		return nil, err
	}
	m := &measured{objects: float64(n * objects)}
	for _, step := range []struct {
		name string
		do   func(context.Context, *measured) error
		cost *cost
	}{{"first apply", f.first, &m.first}, {"nothing happens", f.rest, &m.steady},
		{"single pushes", f.single, &m.single}, {"a commit for all", f.all, &m.all},
		{"restart", f.restart, &m.restarted}} {
		if err := step.do(ctx, m); err != nil {
			return nil, fmt.Errorf("%s: %w", step.name, err)
		}
		c := step.cost
		r.say("%d Syncs: %s: %s; processor: controller %.2f s, renders %.2f s; %.0f requests (%s)", n, step.name,
			c.took.Round(10*time.Millisecond), c.own, c.renders, c.requests, c.most)
	}
	r.say("%d Syncs: memory %.0f MB, %.0f at most, %.0f after a restart; %.0f goroutines", n, m.resting.memory,
		m.resting.peak, m.afterRestart.memory, m.resting.goroutines)
	return m.figures(), nil
}

// measured is what is measured of many Syncs.
type measured struct {
	objects                               float64
	first, all, steady, single, restarted cost
	firstIn, allFirstIn, allIn            time.Duration
	pushes                                []time.Duration // to their first write
	resting, afterRestart                 moment
	watches                               float64 // of the controller
}

func (m *measured) figures() []growth.Figure {
	one := func(name string, value, least, limit float64) growth.Figure {
		return growth.Figure{Name: name, Values: []float64{value}, Least: least, Limit: limit}
	}
	second := tick.Seconds()
	pushes := float64(max(1, len(m.pushes)))
	return []growth.Figure{
		one("first apply of all: until all are Complete, s", m.first.took.Seconds(), second, 0),
		one("… until the first is, s", m.firstIn.Seconds(), second, 0),
		one("… controller, processor s", m.first.own, second, sized),
		one("… renders, processor s", m.first.renders, second, sized),
		one("… requests for each object", m.first.requests/m.objects, second, 0),
		one("nothing happens, a minute: controller, processor s", m.steady.own*perMinute(m.steady), second, sized),
		one("… requests", m.steady.requests*perMinute(m.steady), aMinute, none),
		one("… memory, MB", m.resting.memory, 1, sized),
		one("… goroutines", m.resting.goroutines, 1, sized),
		one("… open watches", m.watches, 1, sized),
		one("one object changes: push to its write, p50, ms", milliseconds(growth.Quantile(m.pushes, 0.5)), 1, 0),
		one("… p99, ms", milliseconds(growth.Quantile(m.pushes, 0.99)), 1, 0),
		one("… controller, processor ms", 1000*m.single.own/pushes, 1, sized),
		one("… requests", m.single.requests/pushes, 1, none),
		one("a commit for every Sync: until all are Complete, s", m.allIn.Seconds(), second, 0),
		one("… until the first is, s", m.allFirstIn.Seconds(), second, 0),
		one("… controller, processor s", m.all.own, second, sized),
		one("… renders, processor s", m.all.renders, second, sized),
		one("… requests for each object", m.all.requests/m.objects, second, 0),
		one("restart: controller, processor s", m.restarted.own, second, sized),
		one("… requests", m.restarted.requests, aMinute, sized),
		one("… memory, MB", m.afterRestart.memory, 1, sized),
		one("… goroutines", m.afterRestart.goroutines, 1, sized),
		one("largest memory of the controller, MB", m.resting.peak, 1, sized),
	}
}

const (
	// sized is how what follows the size may grow, and none how what shall not: a request of somebody else more or less
	// is no growth.
	sized, none = 1.05, 0.1
	// aMinute is how many requests a minute tell nothing.
	aMinute = 30
)

func perMinute(c cost) float64 { return time.Minute.Seconds() / c.took.Seconds() }

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// first starts the controller, and measures until all that is in Git is in the cluster.
func (f *fleet) first(ctx context.Context, m *measured) (err error) {
	if f.resting, err = f.idle(ctx, f.quiet); err != nil {
		return err
	}
	before, err := f.now(ctx)
	if err != nil {
		return err
	}
	f.watched = before.watches
	if err := f.start(ctx); err != nil {
		return err
	}
	first, last, err := f.complete.wait(ctx, "all Syncs to be Complete", f.headOfEach())
	if err != nil {
		return err
	}
	after, err := f.settles(ctx)
	m.first = f.since(before, after)
	m.first.took, m.firstIn = last.Sub(before.at), first.Sub(before.at)
	return err
}

// rest measures while nothing happens.
func (f *fleet) rest(ctx context.Context, m *measured) error {
	before, err := f.now(ctx)
	if err != nil {
		return err
	}
	if err := sleep(ctx, f.steady); err != nil {
		return err
	}
	m.resting, err = f.now(ctx)
	m.watches = m.resting.watches - f.watched
	m.steady = f.since(before, m.resting)
	return err
}

// single pushes commits of one object each, one after the other, each to the next repository.
func (f *fleet) single(ctx context.Context, m *measured) error {
	before, err := f.now(ctx)
	if err != nil {
		return err
	}
	for push := range f.pushes {
		i := push * perRepository % f.n // some Sync of each repository in turn
		i = min(f.n-1, i+push/len(f.repositories)%perRepository)
		value := fmt.Sprint("push ", push)
		began := time.Now()
		file := map[string]string{folderOf(i) + "/one.yaml": configMap("one", value)}
		if err := f.push(ctx, i/perRepository, file); err != nil {
			return err
		}
		_, written, err := f.written.wait(ctx, "a pushed object", map[string]string{objectOf(i, "one"): value})
		if err != nil {
			return err
		}
		m.pushes = append(m.pushes, written.Sub(began))
		want := f.headOfEach()
		for name := range want {
			if name != syncOf(i) { // the others are not concerned, and say so later
				delete(want, name)
			}
		}
		if _, _, err := f.complete.wait(ctx, "a pushed commit to be Complete", want); err != nil {
			return err
		}
	}
	after, err := f.settles(ctx)
	m.single = f.since(before, after)
	return err
}

// all pushes a commit to each repository that changes all objects of all its Syncs.
func (f *fleet) all(ctx context.Context, m *measured) error {
	before, err := f.now(ctx)
	if err != nil {
		return err
	}
	for i := range f.repositories {
		if err := f.push(ctx, i, f.folders(i, "all")); err != nil {
			return err
		}
	}
	first, last, err := f.complete.wait(ctx, "all Syncs to be Complete", f.headOfEach())
	if err != nil {
		return err
	}
	after, err := f.settles(ctx)
	m.all = f.since(before, after)
	m.allFirstIn, m.allIn = first.Sub(before.at), last.Sub(before.at)
	m.resting.peak = max(m.resting.peak, after.peak)
	return err
}

// restart ends the controller and starts it again, and measures until it asks for nothing any more.
func (f *fleet) restart(ctx context.Context, m *measured) error {
	f.controller.stop()
	f.controller = nil
	before, err := f.now(ctx)
	if err != nil {
		return err
	}
	if err := f.start(ctx); err != nil {
		return err
	}
	err = until(ctx, "all Syncs to be looked after again", func() (bool, error) {
		// Not more often: to tell its metrics costs the controller something for each Sync.
		if err := sleep(ctx, time.Second); err != nil {
			return false, err
		}
		u, err := f.controller.look(ctx)
		return int(u.loops) == f.n, err
	})
	if err != nil {
		return err
	}
	if m.afterRestart, err = f.settles(ctx); err != nil {
		return err
	}
	m.restarted = f.since(before, m.afterRestart)
	m.resting.peak = max(m.resting.peak, m.afterRestart.peak)
	return nil
}

// The names of what belongs to a Sync by its number.

func tenantOf(repository int) string { return fmt.Sprintf("tenant-%03d", repository) }

func folderOf(i int) string { return fmt.Sprintf("apps/%04d", i) }

func syncOf(i int) string { return fmt.Sprintf("%s/sync-%04d", tenantOf(i/perRepository), i) }

func objectOf(i int, name string) string {
	return fmt.Sprintf("%s/s%04d-%s", tenantOf(i/perRepository), i, name)
}

func configMap(name, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, labels: {app: scale}}\n"+
		"data: {value: %q, text: %q}\n", name, value, strings.Repeat("some text of a configuration ", 8))
}

// folders are the files of the Syncs of a repository, with all values the same.
func (f *fleet) folders(repository int, value string) map[string]string {
	files := map[string]string{}
	for i := repository * perRepository; i < min(f.n, (repository+1)*perRepository); i++ {
		var maps []string
		for n := range objects - 1 {
			maps = append(maps, configMap(fmt.Sprint("map-", n), value))
		}
		files[folderOf(i)+"/kustomization.yaml"] = "resources: [maps.yaml, one.yaml]\n" +
			fmt.Sprintf("namePrefix: s%04d-\n", i)
		files[folderOf(i)+"/maps.yaml"] = strings.Join(maps, "---\n")
		files[folderOf(i)+"/one.yaml"] = configMap("one", value)
	}
	return files
}

// headOfEach is the newest commit of each Sync.
func (f *fleet) headOfEach() map[string]string {
	heads := map[string]string{}
	for i := range f.n {
		heads[syncOf(i)] = f.heads[i/perRepository]
	}
	return heads
}

// push pushes to a repository, whose host tells the controller of it.
func (f *fleet) push(ctx context.Context, repository int, files map[string]string) (err error) {
	if f.heads[repository], err = f.repositories[repository].push(ctx, files); err != nil || f.controller == nil {
		return err
	}
	return f.hook(ctx, syncOf(repository*perRepository))
}

// hook sends the webhook of a push, as GitHub does, to a Sync.
func (s *stage) hook(ctx context.Context, sync string) error {
	body := `{"ref":"refs/heads/main"}`
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.hooks+"/hooks/"+sync,
		strings.NewReader(body))
	if err != nil {
		return err
	}
	sum := hmac.New(sha256.New, []byte(shared))
	_, _ = sum.Write([]byte(body)) // a hash takes all
	request.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(sum.Sum(nil)))
	request.Header.Set("X-GitHub-Event", "push")
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted {
		return fmt.Errorf("a webhook was answered %s", answer.Status)
	}
	return nil
}

// prepare makes the repositories, the tenants and the Syncs, and begins to look at what becomes of them.
func (f *fleet) prepare(ctx context.Context) error {
	repositories := (f.n + perRepository - 1) / perRepository
	f.repositories, f.heads = make([]repository, repositories), make([]string, repositories)
	var objects []*unstructured.Unstructured
	for i := range repositories {
		var err error
		if f.repositories[i], err = f.newRepository(ctx, tenantOf(i)); err != nil {
			return err
		}
		if err := f.push(ctx, i, f.folders(i, "first")); err != nil {
			return err
		}
		of, err := tenantObjects(tenantOf(i))
		if err != nil {
			return err
		}
		objects = append(objects, of...)
	}
	if err := install.Apply(ctx, f.cluster.Config, objects); err != nil {
		return err
	}
	if err := f.follow(ctx); err != nil {
		return err
	}
	var making errgroup.Group
	making.SetLimit(8)
	for i := range f.n {
		making.Go(func() error { return f.makeSync(ctx, i) })
	}
	return making.Wait()
}

func (f *fleet) makeSync(ctx context.Context, i int) error {
	namespace, name, _ := strings.Cut(syncOf(i), "/")
	spec := map[string]any{
		"source":  map[string]any{"url": f.repositories[i/perRepository].url, "path": folderOf(i)},
		"apply":   map[string]any{"targetNamespace": namespace, "serviceAccountName": "deployer"},
		"webhook": map[string]any{"provider": "GitHub", "secretRef": map[string]any{"name": "hook"}},
	}
	return f.create(ctx, namespace, name, spec)
}

// create makes a Sync.
func (s *stage) create(ctx context.Context, namespace, name string, spec map[string]any) error {
	u := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	u.SetGroupVersionKind(api.Kind)
	u.SetNamespace(namespace)
	u.SetName(name)
	_, err := s.dynamic.Resource(api.Resource).Namespace(namespace).Create(ctx, u, metav1.CreateOptions{})
	return err
}

// follow begins to look at objects and Syncs.
func (f *fleet) follow(ctx context.Context) error {
	objects, err := f.kube.CoreV1().ConfigMaps("").Watch(ctx, metav1.ListOptions{LabelSelector: "app=scale"})
	if err != nil {
		return err
	}
	f.written = follow(ctx, objects, func(e watch.Event) (name, value string) {
		c, ok := e.Object.(*corev1.ConfigMap)
		if !ok {
			return "", ""
		}
		return c.Namespace + "/" + c.Name, c.Data["value"]
	})
	f.complete, err = f.followSyncs(ctx)
	return err
}

// followSyncs begins to look at which commit of each Sync is complete.
func (s *stage) followSyncs(ctx context.Context) (*seen, error) {
	syncs, err := s.dynamic.Resource(api.Resource).Watch(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	return follow(ctx, syncs, func(e watch.Event) (name, value string) {
		u, ok := e.Object.(*unstructured.Unstructured)
		if !ok {
			return "", ""
		}
		commit, _, _ := unstructured.NestedString(u.Object, "status", "lastComplete")
		return u.GetNamespace() + "/" + u.GetName(), commit
	}), nil
}
