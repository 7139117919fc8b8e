#!/usr/bin/env bash
# kustomize v5.8.2 (api and kyaml v0.21.2): `hostNetwork: yes` of an object or a strategic patch comes out as the text
# "yes"; the same word in a JSON patch comes out as true.
#
# Expected: true everywhere, as `kubectl apply -f` reads it from the same file (YAML 1.1, sigs.k8s.io/yaml).
# Seen:     text in two of three places, and the API server takes no text for hostNetwork: a manifest that kubectl applies
#           is refused as soon as it is listed in a kustomization, even in one that changes nothing.
# Needs go; installs kustomize into a temporary folder.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
GOBIN="$dir/bin" go install sigs.k8s.io/kustomize/kustomize/v5@v5.8.2

mkdir "$dir/plain" "$dir/strategic" "$dir/json"
cat >"$dir/agent.yaml" <<'YAML'
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {hostNetwork: yes, containers: [{name: agent, image: "registry.example/agent:v1"}]}
YAML
for each in plain strategic json; do
	cp "$dir/agent.yaml" "$dir/$each/"
	echo 'resources: [agent.yaml]' >"$dir/$each/kustomization.yaml"
done
cat >>"$dir/strategic/kustomization.yaml" <<'YAML'
patches:
- patch: |
    apiVersion: apps/v1
    kind: DaemonSet
    metadata: {name: agent}
    spec: {template: {spec: {hostPID: on}}}
YAML
cat >>"$dir/json/kustomization.yaml" <<'YAML'
patches:
- target: {kind: DaemonSet}
  patch: |
    - {op: add, path: /spec/template/spec/hostPID, value: on}
YAML
expect() { # expect FOLDER LINE
	grep -qxF "      $2" <<<"$("$dir/bin/kustomize" build "$dir/$1" | tee "$dir/$1.out")" || { cat "$dir/$1.out"; echo "changed: $1 has no line '$2'"; exit 1; }
}
expect plain 'hostNetwork: "yes"'
expect strategic 'hostNetwork: "yes"'
expect strategic 'hostPID: "on"'
expect json 'hostPID: true'
echo "as found:"
grep -H 'host' "$dir"/*.out | sed "s|$dir/||"
