package devpackages

import (
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	release "helm.sh/helm/v4/pkg/release/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	system   = "daemongate-system"
	policy   = "helm.sh/resource-policy"
	anyImage = "example.com/daemongate:v1"
)

// newest is the Kubernetes for which charts are looked at: Helm takes it for an old one, if it is only a library.
var newest = &common.KubeVersion{Version: "v1.37.0", Major: "1", Minor: "37"}

// templated is what Helm makes of a chart with values, without a cluster.
func templated(folder, namespace string, values map[string]any) (string, error) {
	chart, err := loader.Load(folder)
	if err != nil {
		return "", err
	}
	i := action.NewInstall(action.NewConfiguration())
	i.DryRunStrategy, i.ReleaseName, i.Namespace = action.DryRunClient, "daemongate", namespace
	i.KubeVersion = newest
	made, err := i.Run(chart, values)
	if err != nil {
		return "", err
	}
	return made.(*release.Release).Manifest, nil
}

// Helm makes of the chart what install applies with the same flags, object by object, whether they were given to Helm
// or when the chart was made; only the namespace is made by Helm itself. Helm's linter has no complaint.
func TestTheChartIsWhatIsInstalled(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	daemongate(t, "install", "--image", "example.com/other:v0", "--export-chart", plain)
	for name, asked := range map[string]struct {
		flags  []string
		values map[string]any
	}{
		"all namespaces": {values: map[string]any{}},
		"two namespaces, with the page": {flags: []string{"--namespaces", "a,123", "--http", "--cluster-name", "eu-1"},
			values: map[string]any{"namespaces": []any{"a", "123"}, "http": true, "clusterName": "eu-1"}},
		"with monitoring": {flags: []string{"--monitoring"}, values: map[string]any{"monitoring": true}},
		"a large one": {flags: []string{"--request-cpu", "1", "--request-memory", "640Mi", "--limit-memory", "2Gi"},
			values: map[string]any{"requestCPU": "1", "requestMemory": "640Mi", "limitMemory": "2Gi"}},
		"a page that acts": {flags: []string{"--http", "--http-actions"},
			values: map[string]any{"http": true, "httpActions": true}},
	} {
		flags, own := append([]string{"--image", anyImage}, asked.flags...), filepath.Join(t.TempDir(), "own")
		daemongate(t, append([]string{"install", "--export-chart", own}, flags...)...)
		want := objects(t, daemongate(t, append([]string{"install", "--export"}, flags...)...))
		delete(want, "Namespace /"+system)
		asked.values["image"] = anyImage
		for folder, values := range map[string]map[string]any{plain: asked.values, own: nil} {
			text, err := templated(folder, system, values)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			same(t, name, objects(t, text), want)
			lint := action.NewLint()
			lint.Namespace, lint.KubeVersion = system, newest
			if found := lint.Run([]string{folder}, values); action.HasWarningsOrErrors(found) {
				t.Errorf("%s: the linter says %v, %v", name, found.Messages, found.Errors)
			}
		}
	}
}

// same compares what Helm made with what install applies, which says nothing of what Helm does with a definition.
func same(t *testing.T, name string, got, want map[string]*unstructured.Unstructured) {
	t.Helper()
	for id, u := range want {
		made := got[id]
		if made == nil {
			t.Errorf("%s: Helm makes no %s", name, id)
			continue
		}
		if made.GetKind() == "CustomResourceDefinition" {
			annotations := made.GetAnnotations()
			if annotations[policy] != "keep" {
				t.Errorf("%s: to uninstall would delete %s", name, id)
			}
			delete(annotations, policy)
			made.SetAnnotations(annotations)
		}
		if !reflect.DeepEqual(made.Object, u.Object) {
			t.Errorf("%s: %s is\n%v\nand is installed as\n%v", name, id, made.Object, u.Object)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: Helm makes %q", name, slices.Sorted(maps.Keys(got)))
	}
}

// What install refuses, and what is no value, Helm refuses too, and says why.
func TestTheChartRefusesWhatInstallRefuses(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "chart")
	daemongate(t, "install", "--image", anyImage, "--export-chart", folder)
	for _, refused := range []struct {
		namespace string
		values    map[string]any
		want      string
	}{
		{"default", nil, "Daemongate is installed in namespace daemongate-system"},
		{system, map[string]any{"image": ""}, "image is missing"},
		{system, map[string]any{"httpActions": true}, "the page is not served"},
		{system, map[string]any{"replicaCount": 3}, "replicaCount"},
		{system, map[string]any{"limitMemory": "much"}, "limitMemory"},
		{system, map[string]any{"namespaces": []any{"A b"}}, "namespaces"},
		{system, map[string]any{"clusterName": "a b"}, "clusterName"},
	} {
		if _, err := templated(folder, refused.namespace, refused.values); err == nil ||
			!strings.Contains(err.Error(), refused.want) {
			t.Errorf("%s, %v: %v does not say %q", refused.namespace, refused.values, err, refused.want)
		}
	}
}
