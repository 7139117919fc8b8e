package install

import (
	_ "embed"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

//go:embed monitoring.yaml
var monitoring string

// Rules are the alerts, as Prometheus reads them from a file.
//
//go:embed rules.yaml
var Rules string

// Dashboard is what Grafana shows of the metrics.
//
//go:embed dashboard.json
var Dashboard string

// monitors are the objects by which Prometheus' operator and Grafana find the metrics, the alerts and the dashboard.
func monitors() ([]*unstructured.Unstructured, error) {
	objects, err := parse(monitoring)
	if err != nil {
		return nil, err
	}
	var spec map[string]any
	if err := yaml.Unmarshal([]byte(Rules), &spec); err != nil {
		return nil, fmt.Errorf("rules.yaml: %w", err)
	}
	named := func(name, label, value string) map[string]any {
		return map[string]any{"name": name, "namespace": Owner.Namespace, "labels": map[string]any{label: value}}
	}
	rule := map[string]any{"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
		"metadata": named("daemongate", "app.kubernetes.io/name", "daemongate"), "spec": spec}
	dashboard := map[string]any{"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": named("daemongate-dashboard", "grafana_dashboard", "1"),
		"data":     map[string]any{"daemongate.json": Dashboard}}
	return append(objects, &unstructured.Unstructured{Object: rule}, &unstructured.Unstructured{Object: dashboard}), nil
}
