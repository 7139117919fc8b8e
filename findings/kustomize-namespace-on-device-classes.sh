#!/usr/bin/env bash
# kustomize v5.8.2 (api and kyaml v0.21.2): `namespace:` gives DeviceClass (resource.k8s.io/v1) and FlowSchema
# (flowcontrol.apiserver.k8s.io/v1) a namespace, although both live in none.
#
# Expected: objects of Kubernetes' own cluster-wide kinds are left without a namespace, as ClusterRoles and
#           ValidatingAdmissionPolicies are.
# Seen:     kyaml decides by a list of kinds and the API of Kubernetes 1.21 that are built into it; what is in neither
#           is taken for namespaced. FlowSchema is in the list as v1beta1 alone.
# Needs go; installs kustomize into a temporary folder.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
GOBIN="$dir/bin" go install sigs.k8s.io/kustomize/kustomize/v5@v5.8.2

mkdir "$dir/base"
cat >"$dir/base/kustomization.yaml" <<'YAML'
namespace: agents
resources: [all.yaml]
YAML
cat >"$dir/base/all.yaml" <<'YAML'
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: agent}
---
apiVersion: resource.k8s.io/v1
kind: DeviceClass
metadata: {name: gpu}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: agents}
---
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: FlowSchema
metadata: {name: agent}
spec: {priorityLevelConfiguration: {name: exempt}}
YAML
out=$("$dir/bin/kustomize" build "$dir/base")
echo "$out"
for kind in DeviceClass FlowSchema; do
	grep -A4 "^kind: $kind" <<<"$out" | grep -q 'namespace: agents' || { echo "changed: the $kind has no namespace"; exit 1; }
done
[ "$(grep -c 'namespace: agents' <<<"$out")" = 2 ] || { echo "changed: another number of objects has a namespace"; exit 1; }
echo "as found: DeviceClass and FlowSchema have a namespace, ClusterRole and ValidatingAdmissionPolicy have none"
