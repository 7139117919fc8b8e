#!/usr/bin/env bash
# client-go v0.37.2 (kubernetes/typed/policy/v1): EvictV1 does not return when an eviction is refused with 429 and the
# answer names a time to wait (Retry-After). It waits and posts the same eviction again, ten times. kube-apiserver 1.37
# names 10 s while it has not worked out a PodDisruptionBudget yet (pkg/registry/core/pod/storage/eviction.go), so that
# a caller with one budget that nobody looks after stands still for 100 s, and asks eleven times.
#
# Expected: an error that errors.IsTooManyRequests knows, at once, as for a budget that is spent (which names no time):
#           whoever evicts decides when to try again, and whether the pod is still to go by then.
# Seen:     eleven requests, and the error after all the waits. Request.MaxRetries(0) of the same client has one.
# Needs go; builds a program in a temporary folder. A server of its own stands for the API server, and names 1 s.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	client "k8s.io/client-go/kubernetes/typed/policy/v1"
	"k8s.io/client-go/rest"
)

func main() {
	var asked atomic.Int32
	var wait atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		answer := errors.NewTooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", int(wait.Load()))
		answer.ErrStatus.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
		if s := wait.Load(); s > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(s)))
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusTooManyRequests)
		_ = json.NewEncoder(w).Encode(answer.Status())
	}))
	defer server.Close()
	c := client.NewForConfigOrDie(&rest.Config{Host: server.URL, QPS: -1})
	eviction := &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "agent"}}

	evict := func(seconds int32, do func() error) (int32, time.Duration) {
		wait.Store(seconds)
		asked.Store(0)
		began := time.Now()
		if err := do(); !errors.IsTooManyRequests(err) {
			fail(fmt.Sprint("the error is ", err))
		}
		return asked.Load(), time.Since(began)
	}
	plain := func() error { return c.Evictions("default").Evict(context.Background(), eviction) }
	n, _ := evict(0, plain)
	fmt.Println("no time named:", n, "request")
	if n != 1 {
		fail("without Retry-After it is not one request")
	}
	n, took := evict(1, plain)
	fmt.Println("Retry-After 1:", n, "requests, in", took.Round(time.Second))
	if n != 11 || took < 9*time.Second {
		fail("it does not evict again ten times")
	}
	n, _ = evict(1, func() error {
		return c.RESTClient().Post().AbsPath("/api/v1/namespaces/default/pods/agent/eviction").MaxRetries(0).
			Body(eviction).Do(context.Background()).Error()
	})
	fmt.Println("Retry-After 1, MaxRetries(0):", n, "request")
	if n != 1 {
		fail("MaxRetries(0) does not end it")
	}
}

func fail(text string) {
	fmt.Println("changed:", text)
	os.Exit(1)
}
GO
go mod init example.com/evictions >/dev/null 2>&1
go get k8s.io/client-go@v0.37.2 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
go run .
echo "as found: an eviction that is refused for a while is made again by the client"
