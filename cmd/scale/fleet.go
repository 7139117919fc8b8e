package main

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/daemongate/daemongate/manifests/install"
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

// follow begins to look at objects and Syncs.
func (f *fleet) follow(ctx context.Context) error {
	maps := f.kube.CoreV1().ConfigMaps("")
	objects, err := watching(ctx, "app=scale", maps.List, maps.Watch)
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

// push pushes to a repository, whose host tells the controller of it.
func (f *fleet) push(ctx context.Context, repository int, files map[string]string) (err error) {
	if f.heads[repository], err = f.repositories[repository].push(ctx, files); err != nil || f.controller == nil {
		return err
	}
	return f.hook(ctx, syncOf(repository*perRepository))
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
