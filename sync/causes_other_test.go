package sync

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

// otherCauses are those of objects that are no DaemonSets: v2 brings one that comes to nothing.
var otherCauses = []causeStory{
	{name: "Deployment fits no node", cause: "ProgressDeadlineExceeded", brings: func(*world) string {
		return deployment("shop", "v2", "      nodeSelector: {nowhere: \"true\"}\n  progressDeadlineSeconds: 5\n")
	}},
	{name: "Job past its deadline", cause: "JobFailed", brings: func(*world) string {
		late := strings.NewReplacer("  managedBy: example.com/story\n", "  activeDeadlineSeconds: 3\n",
			"restartPolicy: Never\n", "restartPolicy: Never\n      nodeSelector: {nowhere: \"true\"}\n")
		return late.Replace(job("migrate"))
	}},
	{name: "custom resource that nobody sees to", cause: "NotReady", deadline: 10 * time.Second,
		before: func(w *world) { w.define("widgets", "Widget") },
		brings: func(w *world) string {
			return "apiVersion: " + w.namespace +
				".example.com/v1\nkind: Widget\nmetadata: {name: w, annotations: {daemongate.io/wait: \"true\"}}\n"
		}},
	{name: "kind of a CRD is taken", cause: "NotEstablished", before: func(w *world) { w.define("widgets", "Widget") },
		brings: func(w *world) string { return w.definition("gadgets", "Widget") }},
}

// definition is a CustomResourceDefinition in a group of the world's own.
func (w *world) definition(plural, kind string) string {
	group := w.namespace + ".example.com"
	return fmt.Sprintf(`apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[2]s.%[1]s}
spec:
  group: %[1]s
  scope: Namespaced
  names: {plural: %[2]s, singular: %[4]s, kind: %[3]s, listKind: %[3]sList}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
`, group, plural, kind, strings.TrimSuffix(plural, "s"))
}

// define makes a kind, and waits until it is served.
func (w *world) define(plural, kind string) {
	w.t.Helper()
	var o unstructured.Unstructured
	w.check(yaml.Unmarshal([]byte(w.definition(plural, kind)), &o.Object))
	definitions := w.client.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1",
		Resource: "customresourcedefinitions"})
	_, err := definitions.Create(w.t.Context(), &o, metav1.CreateOptions{})
	w.check(err)
	w.until("kind "+kind, func() bool {
		_, err := w.client.Resource(schema.GroupVersionResource{Group: w.namespace + ".example.com", Version: "v1",
			Resource: plural}).
			List(w.t.Context(), metav1.ListOptions{})
		return err == nil
	})
}

// apiService is an API that no Service serves.
func apiService(w *world) string {
	group := w.namespace + ".example.com"
	return fmt.Sprintf(`apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.%[1]s}
spec: {group: %[1]s, version: v1, groupPriorityMinimum: 10, versionPriority: 10, insecureSkipTLSVerify: true, service: {name: missing, namespace: %[2]s}}
`, group, w.namespace)
}
