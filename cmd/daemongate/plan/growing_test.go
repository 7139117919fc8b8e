package plan

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// web is an object of a kind that has so many pods.
func web(t *testing.T, kind, group, says, asks string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte("{apiVersion: "+group+"/v1, kind: "+kind+", metadata: {name: web, namespace: shop}, "+
		"spec: {"+says+", template: {spec: {containers: [{name: c, resources: {requests: {"+asks+"}}}]}}}}"), o); err != nil {
		t.Fatal(err)
	}
	return o
}

// Whatever else of the commit will have more pods, or larger ones, is named with its size. What shrinks is not, and
// neither is what is no workload.
func TestWhatGrowsBesideIsNamed(t *testing.T) {
	two := web(t, "Deployment", "apps", "replicas: 2", "cpu: 500m")
	for name, c := range map[string]struct {
		live, want *unstructured.Unstructured
		says       string
	}{
		"grows": {two, web(t, "Deployment", "apps", "replicas: 5", "cpu: 500m"),
			"Deployment shop/web, from 2 to 5 pods, each of which asks for cpu 500m"},
		"is new": {nil, two, "Deployment shop/web, 2 pods, each of which asks for cpu 500m"},
		"asks for more": {two, web(t, "Deployment", "apps", "replicas: 2", "cpu: 2"),
			"Deployment shop/web, 2 pods, each of which asks for cpu 2 instead of cpu 500m"},
		"a job":      {nil, web(t, "Job", "batch", "parallelism: 3", "memory: 1Gi"), "Job shop/web, 3 pods, each of which asks for memory 1Gi"},
		"says none":  {nil, web(t, "StatefulSet", "apps", "serviceName: web", ""), "StatefulSet shop/web, 1 pod, each of which asks for nothing"},
		"shrinks":    {two, web(t, "Deployment", "apps", "replicas: 1", "cpu: 500m"), ""},
		"stays":      {two, two, ""},
		"is a Sync":  {nil, web(t, "Sync", "daemongate.io", "replicas: 3", ""), ""},
		"of another": {nil, web(t, "Deployment", "example.com", "replicas: 3", ""), ""},
	} {
		if got := growth(c.live, c.want); got != c.says {
			t.Errorf("%s: %q, want %q", name, got, c.says)
		}
	}
}
