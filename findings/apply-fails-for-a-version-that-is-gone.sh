#!/usr/bin/env bash
# Kubernetes 1.37.2 (kube-apiserver): once a version has gone from a CustomResourceDefinition, an object in whose
# managedFields a manager is noted with that version can no longer be applied, by nobody, although status.storedVersions
# does not name the version and the object is stored in the newer one. An update and a merge patch still work.
#
# Expected: the entry is dropped or read as the version that is left, as it is for the built-in kinds; at the latest
#           when the object has been rewritten in the newer version, which is what migrates storage and allows the version to be removed.
# Seen:     rewriting changes no entry of another manager. Each server-side apply is answered with 500 (request to
#           convert CR to an invalid group/version), also by a manager that never used that version, until
#           somebody removes the entry.
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
go mod init example.com/versions >/dev/null 2>&1
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
tries=0
definition=/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.example.com
version() { # version NAME STORED: as a definition lists it
	printf '{"name":"%s","served":true,"storage":%s,"schema":{"openAPIV3Schema":{"type":"object",
		"x-kubernetes-preserve-unknown-fields":true}}}' "$1" "$2"
}
define() { # define METHOD PATH TYPE VERSIONS: the code
	call "$1" "$2" "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\",
		\"metadata\":{\"name\":\"things.example.com\"},\"spec\":{\"group\":\"example.com\",\"scope\":\"Namespaced\",
		\"names\":{\"plural\":\"things\",\"kind\":\"Thing\"},\"versions\":[$4]}}" "$3" | tail -1
}
thing() { echo "/apis/example.com/$1/namespaces/default/things/agent"; }
apply() { # apply VERSION MANAGER FIELD: the answer
	call PATCH "$(thing "$1")?fieldManager=$2&force=true" "{\"apiVersion\":\"example.com/$1\",\"kind\":\"Thing\",
		\"metadata\":{\"name\":\"agent\"},\"$3\":\"set\"}" application/apply-patch+yaml
}
merge() { call PATCH "$(thing v1)?fieldManager=merger" "$1" application/merge-patch+json | tail -1; }
served() { # served VERSION CODE: waits until a version is answered so
	until [ "$(call GET "/apis/example.com/$1/namespaces/default/things" | tail -1)" = "$2" ]; do sleep 0.5; done
}
expect() {
	echo "$1: $3"
	[ "$2" = "$3" ] || { echo "changed: $1 was answered with $2 before"; exit 1; }
}

expect "definition with v1alpha1" 201 \
	"$(define POST "${definition%/*}" application/json "$(version v1alpha1 true)")"
served v1alpha1 200
expect "applied by one in v1alpha1" 201 "$(apply v1alpha1 one first | tail -1)"
expect "v1 added, and stored" 200 \
	"$(define PATCH "$definition" application/merge-patch+json "$(version v1alpha1 false),$(version v1 true)")"
served v1 200
expect "applied by two in v1" 200 "$(apply v1 two second | tail -1)"
expect "rewritten in v1" 200 "$(merge '{"third":"set"}')"
expect "v1alpha1 is stored no more" 200 \
	"$(call PATCH "$definition/status" '{"status":{"storedVersions":["v1"]}}' application/merge-patch+json | tail -1)"
expect "v1alpha1 removed" 200 "$(define PATCH "$definition" application/merge-patch+json "$(version v1 true)")"
served v1alpha1 404
until apply v1 two second | tail -1 | grep -qv 200; do # the definition has reached who applies
	((++tries < 60)) || { echo "changed: it can still be applied half a minute after v1alpha1 has gone"; exit 1; }
	sleep 0.5
done
answer=$(apply v1 two second)
expect "applied by two in v1 again" 500 "$(tail -1 <<<"$answer")"
sed -n 's/.*"message": "\(.*\)".*/  \1/p' <<<"$answer"
expect "applied by a third in v1" 500 "$(apply v1 three fourth | tail -1)"
expect "merge patch in v1" 200 "$(merge '{"third":"again"}')"
expect "entries removed" 200 "$(merge '{"metadata":{"managedFields":[{}]}}')"
expect "applied by two after that" 200 "$(apply v1 two second | tail -1)"
echo "as found: an entry of a version that has gone keeps everybody from applying"
