package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/daemongate/daemongate/cmd/scale/growth"
	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/manifests/install"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

const (
	// largeNamespaces is over how many namespaces the objects of a large set are, waitedOf of how many one is waited
	// for, and perFile how many are in a file.
	largeNamespaces, waitedOf, perFile = 10, 5, 100
	// largeSync is the Sync that has the set, and largeNamespace where it is.
	largeSync, largeNamespace = "large", "tenant-000"
)

// largeSet is one Sync with many objects: ConfigMaps, of which some are waited for, and a DaemonSet.
type largeSet struct {
	*stage
	repository repository
	n          int
	values     map[string]string // what the objects shall be, by namespace and name
	written    *seen             // what they are
	complete   *seen
}

// objects measures a set of so many objects.
func (r *rehearsal) objects(ctx context.Context, n int) ([]growth.Figure, error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	s, err := r.newStage(ctx, clustertest.Options{Nodes: 3})
	if err != nil {
		return nil, err
	}
	defer s.end()
	l := &largeSet{stage: s, n: n, values: map[string]string{}}
	if err := l.prepare(ctx); err != nil {
		return nil, err
	}
	var figures []growth.Figure
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{{"first apply", l.first}, {"one object changes", l.one},
		{"all change, and the controller is killed meanwhile", l.killed},
		{"three in ten go", l.prune}, {"the Sync is deleted", l.delete}} {
		before, err := l.now(ctx)
		if err == nil {
			err = step.do(ctx)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", step.name, err)
		}
		done := time.Now()
		after, err := l.settles(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", step.name, err)
		}
		if before.at.Before(l.controller.began) {
			before.used = used{} // it is another process
		}
		c := l.since(before, after)
		renders := peakOfChildren(l.controller.command.Process.Pid)
		r.say("%d objects: %s: %s; processor: controller %.2f s, renders %.2f s; %.0f requests (%s); memory %.0f MB "+
			"at most, of a render %.0f MB; %s", n, step.name, done.Sub(before.at).Round(10*time.Millisecond), c.own,
			c.renders, c.requests, c.most, after.peak, renders, l.sizes(ctx))
		figures = append(figures, figuresOf(step.name, n, done.Sub(before.at), c, after.peak, renders)...)
	}
	return figures, nil
}

func figuresOf(step string, n int, took time.Duration, c cost, peak, renders float64) []growth.Figure {
	second := tick.Seconds()
	return []growth.Figure{
		{Name: step + ": s", Values: []float64{took.Seconds()}, Least: second},
		{Name: "… controller, processor s", Values: []float64{c.own}, Least: second, Limit: sized},
		{Name: "… renders, processor s", Values: []float64{c.renders}, Least: second, Limit: sized},
		{Name: "… requests for each object", Values: []float64{c.requests / float64(n)}, Least: second},
		{Name: "… memory of the controller at most, MB", Values: []float64{peak}, Least: 1, Limit: sized},
		{Name: "… of a render, MB", Values: []float64{renders}, Least: 1, Limit: sized},
	}
}

// prepare makes the repository, the namespaces, and the Sync.
func (l *largeSet) prepare(ctx context.Context) (err error) {
	if l.repository, err = l.newRepository(ctx, largeSync); err != nil {
		return err
	}
	for i := range largeNamespaces {
		objects, err := tenantObjects(tenantOf(i))
		if err != nil {
			return err
		}
		if err := install.Apply(ctx, l.cluster.Config, objects); err != nil {
			return err
		}
	}
	if _, err := l.kube.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "deployer"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: "deployer", Namespace: largeNamespace}},
	}, metav1.CreateOptions{}); err != nil {
		return err
	}
	configs := l.kube.CoreV1().ConfigMaps("")
	objects, err := watching(ctx, "app=scale", configs.List, configs.Watch)
	if err != nil {
		return err
	}
	l.written = follow(ctx, objects, func(e watch.Event) (name, value string) {
		c, ok := e.Object.(*corev1.ConfigMap)
		if !ok {
			return "", ""
		}
		if e.Type == watch.Deleted {
			return c.Namespace + "/" + c.Name, ""
		}
		return c.Namespace + "/" + c.Name, c.Data["value"]
	})
	l.complete, err = l.followSyncs(ctx)
	return err
}

// largeObject is the namespace and the name of the object of a number.
func largeObject(i int) (namespace, name string) {
	return tenantOf(i % largeNamespaces), fmt.Sprintf("map-%05d", i)
}

// file is the text of a file, with the values that its objects shall have.
func (l *largeSet) file(number int) string {
	var texts []string
	for i := number * perFile; i < min(l.n, (number+1)*perFile); i++ {
		namespace, name := largeObject(i)
		value, is := l.values[namespace+"/"+name]
		if !is {
			continue
		}
		text := configMap(name, value)
		metadata := fmt.Sprintf("{namespace: %s, ", namespace)
		if i%waitedOf == 0 {
			metadata += `annotations: {daemongate.io/wait: "true"}, `
		}
		texts = append(texts, strings.Replace(text, "{", metadata, 1))
	}
	return strings.Join(texts, "---\n")
}

// push has the objects of some files be as they shall, and waits until the commit is complete.
func (l *largeSet) push(ctx context.Context, during func() error, files ...int) error {
	texts := map[string]string{}
	for _, number := range files {
		texts[fmt.Sprintf("set/%03d.yaml", number)] = l.file(number)
	}
	head, err := l.repository.push(ctx, texts)
	if err != nil {
		return err
	}
	if l.controller != nil {
		if err := l.hook(ctx, largeNamespace+"/"+largeSync); err != nil {
			return err
		}
	}
	if err := during(); err != nil {
		return err
	}
	_, _, err = l.complete.wait(ctx, "the commit to be Complete", map[string]string{
		largeNamespace + "/" + largeSync: head})
	return err
}

func (l *largeSet) files() (all []int) {
	for number := range (l.n + perFile - 1) / perFile {
		all = append(all, number)
	}
	return all
}

func (l *largeSet) all(value string) {
	for i := range l.n {
		namespace, name := largeObject(i)
		l.values[namespace+"/"+name] = value
	}
}

// first has the controller apply the set for the first time.
func (l *largeSet) first(ctx context.Context) error {
	l.all("first")
	if _, err := l.repository.push(ctx, map[string]string{"set/agent.yaml": strings.Replace(agent(0, "v1"),
		"nodeSelector: {agent: agent-00}", "nodeSelector: {}", 1)}); err != nil {
		return err
	}
	return l.push(ctx, func() error {
		if err := l.create(ctx, largeNamespace, largeSync, map[string]any{
			"source":         map[string]any{"url": l.repository.url, "path": "set"},
			"apply":          map[string]any{"targetNamespace": "", "serviceAccountName": "deployer"},
			"render":         map[string]any{"maxObjects": int64(l.n + 1)},
			"deletionPolicy": string(api.DeletionPrune),
			"rollout":        map[string]any{"proof": "1s", "settle": "1s"},
			"webhook":        map[string]any{"provider": "GitHub", "secretRef": map[string]any{"name": "hook"}},
		}); err != nil {
			return err
		}
		return l.start(ctx)
	}, l.files()...)
}

// one has one object of the set change.
func (l *largeSet) one(ctx context.Context) error {
	namespace, name := largeObject(0)
	l.values[namespace+"/"+name] = "one"
	return l.push(ctx, func() error { return nil }, 0)
}

// killed has all objects change, and kills the controller when some of them have.
func (l *largeSet) killed(ctx context.Context) error {
	l.all("all")
	return l.push(ctx, func() error {
		few := map[string]string{}
		for i := range max(1, l.n/10) {
			namespace, name := largeObject(i)
			few[namespace+"/"+name] = "all"
		}
		if _, _, err := l.written.wait(ctx, "the first objects", few); err != nil {
			return err
		}
		_ = l.controller.command.Process.Signal(syscall.SIGKILL)
		<-l.controller.ended
		return l.start(ctx)
	}, l.files()...)
}

// prune has three in ten objects go.
func (l *largeSet) prune(ctx context.Context) error {
	gone := map[string]string{}
	for i := range l.n {
		if namespace, name := largeObject(i); i%10 < 3 {
			gone[namespace+"/"+name] = ""
			delete(l.values, namespace+"/"+name)
		}
	}
	if err := l.push(ctx, func() error { return nil }, l.files()...); err != nil {
		return err
	}
	_, _, err := l.written.wait(ctx, "what is not asked for any more to be gone", gone)
	return err
}

// delete deletes the Sync, and with it all that it has written.
func (l *largeSet) delete(ctx context.Context) error {
	syncs := l.dynamic.Resource(api.Resource).Namespace(largeNamespace)
	if err := syncs.Delete(ctx, largeSync, metav1.DeleteOptions{}); err != nil {
		return err
	}
	gone := maps.Clone(l.values)
	for name := range gone {
		gone[name] = ""
	}
	if _, _, err := l.written.wait(ctx, "all objects to be gone", gone); err != nil {
		return err
	}
	return until(ctx, "the Sync to be gone", func() (bool, error) {
		list, err := syncs.List(ctx, metav1.ListOptions{})
		return err == nil && len(list.Items) == 0, err
	})
}

// sizes says how large the Sync is, and what is kept beside it.
func (l *largeSet) sizes(ctx context.Context) string {
	var said []string
	syncs := l.dynamic.Resource(api.Resource).Namespace(largeNamespace)
	if s, err := syncs.Get(ctx, largeSync, metav1.GetOptions{}); err == nil {
		text, _ := json.Marshal(s.Object["status"]) // it was JSON
		said = append(said, fmt.Sprintf("status %d KiB", len(text)>>10))
	}
	kept, err := l.kube.CoreV1().ConfigMaps(largeNamespace).List(ctx, metav1.ListOptions{LabelSelector: "app!=scale"})
	if err != nil {
		return err.Error()
	}
	for _, c := range kept.Items {
		for _, data := range c.BinaryData {
			said = append(said, fmt.Sprintf("%s %d KiB", c.Name, len(data)>>10))
		}
	}
	return strings.Join(said, ", ")
}
