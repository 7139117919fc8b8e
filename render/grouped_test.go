package render_test

import (
	"flag"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/grouped"
)

var randomTrees = flag.Uint64("random-trees", 20, "how many random trees are rendered in groups and as a whole")

var (
	whole = grouped.Sizes{Least: 1 << 30}
	alone = grouped.Sizes{Least: 1, Wanted: 1, Context: 1000}
	small = grouped.Sizes{Least: 2, Wanted: 5, Context: 1000}
)

// same renders a folder as a whole and in groups, and compares all that there is to say of both.
func same(t *testing.T, files fstest.MapFS, dir string, groups grouped.Sizes) (err error) {
	t.Helper()
	want, wantErr := render.BuildIn(files, dir, whole, nil)
	got, gotErr := render.BuildIn(files, dir, groups, nil)
	if printed(t, got.Objects) != printed(t, want.Objects) {
		t.Errorf("in groups:\n%s\n--- as a whole:\n%s", printed(t, got.Objects), printed(t, want.Objects))
	}
	if text(gotErr) != text(wantErr) {
		t.Errorf("in groups: %v\nas a whole: %v", gotErr, wantErr)
	}
	got.Objects, want.Objects = nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("in groups: %+v\nas a whole: %+v", got, want)
	}
	return wantErr
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Whatever a tree holds, rendered in groups it comes to what kustomize makes of it at once, byte for byte, or to the same
// error, with the same warnings and the same read set. Most trees that kustomize renders are rendered in groups.
func TestGroupsRenderToWhatTheWholeDoes(t *testing.T) {
	rendered, inGroups := 0, 0
	for seed := range *randomTrees {
		files, tame := randomTree(seed)
		err := same(t, files, "prod", small)
		if t.Failed() {
			for name, file := range files {
				t.Logf("-- %s --\n%s", name, file.Data)
			}
			t.Fatal("seed", seed)
		}
		if err == nil && tame {
			rendered++
			if render.InGroups(files, "prod", small) {
				inGroups++
			}
		}
	}
	if rendered < int(*randomTrees)/5 || inGroups < rendered*2/3 {
		t.Errorf("of %d random trees %d were rendered, %d in groups", *randomTrees, rendered, inGroups)
	}
}

// What objects have to do with each other is seen although each is in a group of its own.
func TestObjectsInDifferentGroupsAreSeen(t *testing.T) {
	object := func(kind, name, more string) string {
		return fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: {name: %s}\n%s", versions[kind], kind, name, more)
	}
	pod := func(more string) string { return "spec: {template: {spec: {" + more + "}}}\n" }
	patch := func(text string) string {
		return "patches:\n- patch: |\n    " + strings.ReplaceAll(text, "\n", "\n    ")
	}
	agents := object("DaemonSet", "agent", pod("serviceAccountName: sa"))
	for name, tree := range map[string]struct {
		kustomization string
		objects       []string
		whole         bool // has to be rendered so
	}{
		"a reference":      {"namePrefix: x-", []string{agents, object("ServiceAccount", "sa", "")}, false},
		"a generated name": {"configMapGenerator: [{name: c}]", []string{object("DaemonSet", "other", pod("volumes: [{configMap: {name: c}}]")), agents}, false},
		"a reference of a patch": {"namePrefix: x-\n" + patch(object("DaemonSet", "other", pod("serviceAccountName: sa"))),
			[]string{object("DaemonSet", "other", pod("a: b")), object("ServiceAccount", "sa", "")}, false},
		"a reference to another namespace": {"namePrefix: x-", []string{object("RoleBinding", "r, namespace: n1",
			"roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}\nsubjects: [{kind: ServiceAccount, name: sa, "+
				"namespace: n2}]\n"), object("ServiceAccount", "sa, namespace: n2", "")}, false},
		"a new name that another one had": {"namePrefix: x-", []string{object("HorizontalPodAutoscaler", "h",
			"spec: {scaleTargetRef: {name: web}}\n"), object("Deployment", "web", ""), object("StatefulSet", "x-web", "")}, false},
		"a reference by an annotation of all": {"namePrefix: x-\ncommonAnnotations: {nginx.ingress.kubernetes.io/" +
			"fastcgi-params-configmap: c}", []string{object("Ingress", "i", ""), object("ConfigMap", "c", "")}, false},
		"a generator of what is there": {"configMapGenerator: [{name: c}]", []string{object("ConfigMap", "c", ""), agents}, true},
		"two objects of one name":      {"", []string{agents, object("ConfigMap", "c", ""), agents}, true},
		"a patch of nothing":           {patch(object("DaemonSet", "none", "")), []string{agents, object("ConfigMap", "c", "")}, true},
		"annotations that are empty": {"", []string{
			object("DaemonSet", "agent", pod("volumes: [{configMap: {name: c}}]")),
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, annotations: {}}\n"}, true},
		"an object for kustomize alone": {"", []string{agents,
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, annotations: {config.kubernetes.io/local-config: 'true'}}\n"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{}
			list := tree.kustomization + "\nresources:\n"
			for i, object := range tree.objects {
				file := fmt.Sprintf("%d.yaml", i)
				list += "- " + file + "\n"
				files["prod/"+file] = &fstest.MapFile{Data: []byte(object)}
			}
			files["prod/kustomization.yaml"] = &fstest.MapFile{Data: []byte(list)}
			same(t, files, "prod", alone)
			if inGroups := render.InGroups(files, "prod", alone); inGroups == tree.whole {
				t.Errorf("rendered in groups: %v", inGroups)
			}
		})
	}
}

// The trees of the other tests, too.
func TestGroupsRenderTheTreesOfTestdata(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(archives) == 0 {
		t.Fatal("no trees", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			same(t, archive(t, filepath.Base(name)), "prod", alone)
		})
	}
}
