package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// files are the config repository: a fluentd-like agent behind a kustomize overlay.
type files struct {
	image     string
	args      []string
	daemonSet bool
	readme    string
}

func newFiles() *files {
	return &files{image: "registry.local/fluentd:v1", daemonSet: true,
		readme: "# Node agents\n\nPush to main; Daemongate does the rest.\n"}
}

// write lays the files down in a work tree.
func (f *files) write(dir string) error {
	for name, text := range map[string]string{
		"README.md":               f.readme,
		"base/kustomization.yaml": f.base(),
		"base/daemonset.yaml":     f.agent(),
		"base/rbac.yaml":          rbac,
		"base/fluent.conf": "<source>\n  @type tail\n  path " +
			"/var/log/containers/*.log\n</source>\n",
		"clusters/demo/agents/kustomization.yaml": overlay,
		"clusters/demo/agents/namespace.yaml":     namespace,
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (f *files) base() string {
	resources := "- rbac.yaml\n"
	if f.daemonSet {
		resources += "- daemonset.yaml\n"
	}
	return "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n" + resources +
		"configMapGenerator:\n- name: fluentd\n  files: [fluent.conf]\n"
}

func (f *files) agent() string {
	args := ""
	if len(f.args) > 0 {
		args = fmt.Sprintf("\n        args: [%s]", strings.Join(f.args, ", "))
	}
	return fmt.Sprintf(`apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: fluentd
spec:
  selector:
    matchLabels:
      app: fluentd
  updateStrategy:
    rollingUpdate:
      maxUnavailable: 25%%
  template:
    metadata:
      labels:
        app: fluentd
    spec:
      serviceAccountName: fluentd
      containers:
      - name: fluentd
        image: %s%s
        resources:
          requests:
            cpu: 100m
            memory: 200Mi
        volumeMounts:
        - name: config
          mountPath: /fluentd/etc
      volumes:
      - name: config
        configMap:
          name: fluentd
`, f.image, args)
}

const overlay = `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: logging
resources:
- ../../../base
- namespace.yaml
labels:
- pairs:
    team: platform
`

const namespace = `apiVersion: v1
kind: Namespace
metadata:
  name: logging
`

const rbac = `apiVersion: v1
kind: ServiceAccount
metadata:
  name: fluentd
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: fluentd
rules:
- apiGroups: [""]
  resources: [pods, namespaces]
  verbs: [get, list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: fluentd
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: fluentd
subjects:
- kind: ServiceAccount
  name: fluentd
  namespace: logging
`
