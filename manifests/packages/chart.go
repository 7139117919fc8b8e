package packages

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/manifests/install"
)

//go:embed values.yaml
var values string

//go:embed values.schema.json
var schema string

//go:embed NOTES.txt
var notes string

// What stands in the objects that a template is made of where a value goes.
const (
	markImage     = "mark-of-the-image"
	markCluster   = "mark-of-the-cluster"
	markNamespace = "mark-of-a-namespace"
	markCPU       = "mark-of-the-cpu-request"
	markMemory    = "mark-of-the-memory-request"
	markLimit     = "mark-of-the-memory-limit"
)

// Chart is a Helm chart whose values are the flags of install, and by default as they are in the options: templated
// with the values, it is what install applies with the same flags, but for the namespace, which Helm makes.
func Chart(o install.Options, version string) (Files, error) {
	files := Files{"values.schema.json": schema, "templates/NOTES.txt": notes}
	var err error
	if files["templates/crd.yaml"], err = definitions(); err != nil {
		return nil, err
	}
	if files["templates/daemongate.yaml"], err = template(); err != nil {
		return nil, err
	}
	if files["values.yaml"], err = defaults(o); err != nil {
		return nil, err
	}
	files[ChartFile], err = chartFile(version)
	return files, err
}

// chartFile says what the chart is. Helm wants a semantic version, which a binary that somebody built by hand has not.
func chartFile(version string) (string, error) {
	number := "0.0.0"
	if v, err := semver.NewVersion(version); err == nil {
		number = v.String()
	}
	text, err := yaml.Marshal(map[string]any{
		"apiVersion": "v2", "name": "daemongate", "type": "application", "version": number, "appVersion": version,
		"description": "Rolls out DaemonSets from Git, one commit at a time, judged node by node",
		"kubeVersion": ">=1.34.0-0",
	})
	return MadeBy + string(text), err
}

// defaults is values.yaml with what was asked for.
func defaults(o install.Options) (string, error) {
	namespaces := o.Namespaces
	if namespaces == nil {
		namespaces = []string{}
	}
	var marks []string
	size := o.Resources.OrDefault()
	for mark, value := range map[string]any{"IMAGE": o.Image, "CLUSTER": o.ClusterName, "NAMESPACES": namespaces,
		"ACTIONS": o.PageActions, "PAGE": o.Page, "MONITORING": o.Monitoring,
		"CPU": size.CPURequest, "MEMORY": size.MemoryRequest, "LIMIT": size.MemoryLimit} {
		one, err := json.Marshal(value) // which is YAML, in one line
		if err != nil {
			return "", fmt.Errorf("values.yaml: %w", err)
		}
		marks = append(marks, "${"+mark+"}", string(one))
	}
	return strings.NewReplacer(marks...).Replace(values), nil // all at once: a value may look like a mark
}

// definitions are those of the resources, which Helm upgrades, and leaves with all that is of them when it uninstalls.
func definitions() (string, error) {
	crds, err := install.CRD()
	if err != nil {
		return "", err
	}
	for _, u := range crds {
		annotations := u.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations["helm.sh/resource-policy"] = "keep"
		u.SetAnnotations(annotations)
	}
	text, err := Text(crds)
	return literal(text), err
}

// literal has Helm take no text of an object for a template.
func literal(text string) string {
	return strings.ReplaceAll(text, "{{", "{{ `{{` }}")
}

// refusals have Helm say what install would say of the same flags.
var refusals = `{{- if ne .Release.Namespace "` + install.Owner.Namespace + `" }}
{{- fail "Daemongate is installed in namespace ` + install.Owner.Namespace + `: give --namespace ` +
	install.Owner.Namespace + ` --create-namespace" }}
{{- end }}
{{- if and .Values.httpActions (not .Values.http) }}
{{- fail "httpActions: the page is not served, set http too" }}
{{- end }}
`

// template is made of installations, a plain one and one for each value: what one of them has alone depends on the
// value that makes the difference.
func template() (string, error) {
	var all [4][]*unstructured.Unstructured
	for i, o := range []install.Options{{}, {Namespaces: []string{markNamespace}}, {Page: true}, {Monitoring: true}} {
		var err error
		if all[i], err = marked(o); err != nil {
			return "", err
		}
	}
	plain, bound, paged, monitored := all[0], all[1], all[2], all[3]
	text := refusals
	for _, part := range []struct {
		condition string
		objects   []*unstructured.Unstructured
	}{
		{"", those(plain, bound, true)},
		{"if not .Values.namespaces", those(plain, bound, false)},
		{"range .Values.namespaces", those(bound, plain, false)},
		{"if .Values.http", those(paged, plain, false)},
		{"if .Values.monitoring", those(monitored, plain, false)},
	} {
		for _, u := range part.objects {
			one, err := document(u, part.condition)
			if err != nil {
				return "", err
			}
			text += one
		}
	}
	return text, nil
}

// those are the objects of an installation that another one has too, or has not.
func those(objects, others []*unstructured.Unstructured, both bool) (found []*unstructured.Unstructured) {
	for _, u := range objects {
		has := slices.ContainsFunc(others, func(o *unstructured.Unstructured) bool {
			return manifests.IDOf(o) == manifests.IDOf(u)
		})
		if has == both {
			found = append(found, u)
		}
	}
	return found
}

// marked is an installation with marks where values go, without what is not of this template: the definitions have a
// file of their own, and Helm makes the namespace.
func marked(o install.Options) ([]*unstructured.Unstructured, error) {
	o.Image, o.ClusterName = markImage, markCluster
	o.Resources = install.Resources{CPURequest: markCPU, MemoryRequest: markMemory, MemoryLimit: markLimit}
	objects, err := install.All(o)
	_, others := split(objects)
	return slices.DeleteFunc(others, func(u *unstructured.Unstructured) bool { return u.GetKind() == "Namespace" }), err
}

// document is one object with values in the place of the marks.
func document(u *unstructured.Unstructured, condition string) (string, error) {
	text, err := Text([]*unstructured.Unstructured{u})
	if err != nil {
		return "", err
	}
	text = valued.Replace(literal(text))
	if condition != "" {
		text = "{{- " + condition + " }}\n" + text + "{{- end }}\n"
	}
	return text, nil
}

// valued puts the values where the marks are, and the arguments that depend on values.
var valued = strings.NewReplacer(
	"image: "+markImage+"\n",
	"image: {{ required \"image is missing: which image holds daemongate?\" .Values.image | quote }}\n",
	"- --cluster-name="+markCluster+"\n", "- {{ printf \"--cluster-name=%s\" .Values.clusterName | quote }}\n",
	"- --all-namespaces\n", "- {{ if .Values.namespaces }}{{ printf \"--namespaces=%s\" (join \",\" "+
		".Values.namespaces) | quote }}{{ else }}--all-namespaces{{ end }}\n",
	"        - --metrics-auth\n", "        - --metrics-auth\n        {{- if .Values.http }}\n        - --http=:8080\n"+
		"        {{- if .Values.httpActions }}\n        - --http-actions\n        {{- end }}\n        {{- end }}\n",
	"namespace: "+markNamespace+"\n", "namespace: {{ . | quote }}\n",
	"cpu: "+markCPU+"\n", "cpu: {{ .Values.requestCPU | quote }}\n",
	"memory: "+markMemory+"\n", "memory: {{ .Values.requestMemory | quote }}\n",
	"memory: "+markLimit+"\n", "memory: {{ .Values.limitMemory | quote }}\n",
)
