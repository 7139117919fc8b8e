package main

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

// deployer is the ServiceAccount with whose rights the story's Sync is written: it may write the kinds that the config
// repository has, and holds what the agent's own role grants, because nobody may grant what they do not hold.
const deployer = `apiVersion: v1
kind: Namespace
metadata: {name: platform}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: deployer, namespace: platform}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: platform-deployer}
rules:
- apiGroups: ["", apps, rbac.authorization.k8s.io]
  resources: [namespaces, configmaps, serviceaccounts, daemonsets, clusterroles, clusterrolebindings]
  verbs: [get, list, watch, create, patch, delete]
- {apiGroups: [""], resources: [pods], verbs: [get, list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: platform-deployer}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: platform-deployer}
subjects: [{kind: ServiceAccount, name: deployer, namespace: platform}]
`

// deployerObjects are that account and its rights.
func deployerObjects() (objects []*unstructured.Unstructured, err error) {
	for text := range strings.SplitSeq(deployer, "---\n") {
		u := &unstructured.Unstructured{}
		if err := utilyaml.Unmarshal([]byte(text), &u.Object); err != nil {
			return nil, err
		}
		objects = append(objects, u)
	}
	return objects, nil
}
