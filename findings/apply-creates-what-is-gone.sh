#!/usr/bin/env bash
# Kubernetes 1.37.2 (kube-apiserver): a server-side apply that carries the resourceVersion of an object which has been
# deleted meanwhile creates it anew. resourceVersion "0" is no precondition for a ConfigMap, but is one for a kind of a
# CustomResourceDefinition.
#
# Expected: 409 or 404, as for an update or another patch: whoever names a version writes over what was looked at, or not
#           at all. And one rule for all kinds.
# Seen:     201 after the deletion, 409 while another version is there. Only an uid beside it keeps the object gone (409).
#           "0" is answered with 200 for the ConfigMap and with 422 (must be specified for an update) for the custom resource.
# Needs go, openssl and curl; builds etcd and kube-apiserver in a temporary folder, and runs them on 127.0.0.1.
set -euo pipefail
kubernetes=v1.37.2 staging=v0.37.2 etcd=v3.7.0
dir=$(mktemp -d)
pids=()
finish() {
	for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
	wait 2>/dev/null || true
	rm -rf "$dir"
}
trap finish EXIT
cd "$dir"

cat >main.go <<'GO'
package main

import (
	"os"
	"path/filepath"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	if filepath.Base(os.Args[0]) == "etcd" {
		etcdmain.Main(os.Args)
		return
	}
	os.Exit(cli.Run(app.NewAPIServerCommand()))
}
GO
go mod init example.com/apply >/dev/null 2>&1
mod=$(go mod download -json "k8s.io/kubernetes@$kubernetes" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p')
sed -n 's/^\t\(k8s.io\/[a-z-]*\) => .*/\1/p' "$mod" | while read -r module; do
	go mod edit -replace "$module=$module@$staging"
done
go get "k8s.io/kubernetes@$kubernetes" "go.etcd.io/etcd/server/v3@$etcd" >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
go build -o etcd -ldflags "-X k8s.io/component-base/version.gitVersion=$kubernetes \
	-X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37" .
ln etcd kube-apiserver

port() { # a free one
	local p
	for p in $(shuf -i 20000-50000 -n 50); do
		(exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || { echo "$p"; return; }
	done
}
client=$(port) peer=$(port) secure=$(port)
openssl genrsa -out key.pem 2048 2>/dev/null
echo 'token,admin,1,system:masters' >tokens
./etcd --data-dir=data --listen-client-urls="http://127.0.0.1:$client" --advertise-client-urls="http://127.0.0.1:$client" \
	--listen-peer-urls="http://127.0.0.1:$peer" --initial-advertise-peer-urls="http://127.0.0.1:$peer" \
	--initial-cluster="default=http://127.0.0.1:$peer" >etcd.log 2>&1 &
pids+=($!)
./kube-apiserver --etcd-servers="http://127.0.0.1:$client" --bind-address=127.0.0.1 --secure-port="$secure" --cert-dir=certs \
	--advertise-address=192.0.2.1 --endpoint-reconciler-type=none --token-auth-file=tokens --authorization-mode=RBAC \
	--service-account-issuer=https://kubernetes.default.svc --service-account-key-file=key.pem \
	--service-account-signing-key-file=key.pem --service-cluster-ip-range=10.0.0.0/24 >apiserver.log 2>&1 &
pids+=($!)

call() { # call METHOD PATH [BODY] [TYPE]: prints the body and then the code
	curl -sk -X "$1" -H 'Authorization: Bearer token' -H "Content-Type: ${4:-application/json}" -w '\n%{http_code}' \
		"https://127.0.0.1:$secure$2" ${3:+-d "$3"}
}
until [ "$(call GET /readyz | tail -1)" = 200 ]; do
	kill -0 "${pids[1]}" || { tail -5 apiserver.log; exit 1; }
	sleep 0.5
done
until [ "$(call GET /api/v1/namespaces/default | tail -1)" = 200 ]; do sleep 0.5; done
maps=/api/v1/namespaces/default/configmaps/agent
apply() { # apply PATH APIVERSION KIND METADATA VALUE: the code
	call PATCH "$1?fieldManager=gitops" "{\"apiVersion\":\"$2\",\"kind\":\"$3\",\"metadata\":{\"name\":\"agent\"$4},
		\"data\":{\"value\":\"$5\"}}" application/apply-patch+yaml | tail -1
}
field() { call GET "$1" | sed -n "s/.*\"$2\": \"\([^\"]*\)\".*/\1/p" | head -1; }
expect() {
	echo "$1: $3"
	[ "$2" = "$3" ] || { echo "changed: $1 was answered with $2 before"; exit 1; }
}

expect "ConfigMap, applied" 201 "$(apply $maps v1 ConfigMap '' 1)"
version=$(field $maps resourceVersion) uid=$(field $maps uid)
expect "changed" 200 "$(apply $maps v1 ConfigMap '' 2)"
expect "applied with the version before that change" 409 "$(apply $maps v1 ConfigMap ",\"resourceVersion\":\"$version\"" 3)"
expect 'applied with version "0"' 200 "$(apply $maps v1 ConfigMap ',"resourceVersion":"0"' 4)"
version=$(field $maps resourceVersion)
expect "deleted" 200 "$(call DELETE $maps | tail -1)"
expect "applied with its last version and uid" 409 \
	"$(apply $maps v1 ConfigMap ",\"resourceVersion\":\"$version\",\"uid\":\"$uid\"" 5)"
expect "applied with its last version" 201 "$(apply $maps v1 ConfigMap ",\"resourceVersion\":\"$version\"" 5)"

call POST /apis/apiextensions.k8s.io/v1/customresourcedefinitions '{"apiVersion": "apiextensions.k8s.io/v1",
	"kind": "CustomResourceDefinition", "metadata": {"name": "things.example.com"}, "spec": {"group": "example.com",
	"scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"}, "versions": [{"name": "v1", "served": true,
	"storage": true, "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}}' >/dev/null
things=/apis/example.com/v1/namespaces/default/things
until [ "$(call GET $things | tail -1)" = 200 ]; do sleep 0.5; done
expect "custom resource, applied" 201 "$(apply $things/agent example.com/v1 Thing '' 1)"
version=$(field $things/agent resourceVersion)
expect 'applied with version "0"' 422 "$(apply $things/agent example.com/v1 Thing ',"resourceVersion":"0"' 2)"
expect "deleted" 200 "$(call DELETE $things/agent | tail -1)"
expect "applied with its last version" 201 "$(apply $things/agent example.com/v1 Thing ",\"resourceVersion\":\"$version\"" 3)"
echo "as found: a version alone does not keep an apply from creating what is gone"
