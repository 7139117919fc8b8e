package render_test

import (
	"strings"
	"testing"

	"github.com/daemongate/daemongate/render/rendertest"
)

const managedDaemonSet = `
-- base/kustomization.yaml --
resources: [ds.yaml]
-- base/ds.yaml --
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: agent
  labels: {app.kubernetes.io/managed-by: by-hand}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: agent, image: "registry.example.com/agent:v1"}]}
-- prod/kustomization.yaml --
resources: [../base, ns.yaml]
buildMetadata: [managedByLabel]
-- prod/ns.yaml --
apiVersion: v1
kind: Namespace
metadata: {name: agents}
-- above/kustomization.yaml --
resources: [../prod]
`

// The label of managedByLabel names the kustomize that the library belongs to, on every object and nowhere else, as
// `kustomize build` of that release writes it; what a base asks for in an overlay without it is not done.
func TestManagedByLabelNamesKustomize(t *testing.T) {
	files := rendertest.Tree(t, managedDaemonSet[1:])
	for _, object := range build(t, files, "prod").Objects {
		if got := object.GetLabels()["app.kubernetes.io/managed-by"]; got != "kustomize-v5.8.2" {
			t.Errorf("%s: %q", object.GetKind(), got)
		}
	}
	got := printed(t, build(t, files, "prod").Objects)
	if strings.Count(got, "kustomize-") != 2 {
		t.Errorf("the label is elsewhere as well:\n%s", got)
	}
	if got := printed(t, build(t, files, "above").Objects); strings.Contains(got, "kustomize-") {
		t.Errorf("an overlay that does not ask for it:\n%s", got)
	}
}

// A label of that name that `labels` also put into selectors and templates has there what kustomize writes there.
func TestManagedByLabelIsTheSameWhereverKustomizeWritesIt(t *testing.T) {
	files := rendertest.Tree(t, strings.ReplaceAll(managedDaemonSet[1:], "  labels: {app.kubernetes.io/managed-by: by-hand}\n", "")+`-- own/kustomization.yaml --
resources: [../base]
buildMetadata: [managedByLabel]
labels: [{pairs: {app.kubernetes.io/managed-by: me}, includeSelectors: true}]
`)
	got := printed(t, build(t, files, "own").Objects)
	if strings.Count(got, "app.kubernetes.io/managed-by: kustomize-v5.8.2\n") != 3 {
		t.Errorf("labels, selector and template do not agree:\n%s", got)
	}
}
