#!/usr/bin/env bash
# client-go v0.37.2 (tools/cache): when a store does not take an object that a watch brings, the Reflector goes on
# without it. It counts the watch as being at that version, does not list again, and ListAndWatch does not return.
#
# Expected: ListAndWatch returns an error, so that whoever handles errors of watches is told and there is a new list, as
#           when the store does not take a list.
# Seen:     one line in the log, by klog. The Reflector's last version is that of the object that is missing.
# Needs go; builds a program in a temporary folder. Takes some seconds: it waits whether the object comes after all.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// store refuses the first node that a list or a watch brings.
type store struct {
	cache.Store
	replaceFails, addFails atomic.Bool
}

func (s *store) Replace(all []any, version string) error {
	if s.replaceFails.Swap(false) {
		return errors.New("the store is busy")
	}
	return s.Store.Replace(all, version)
}

func (s *store) Add(o any) error {
	if s.addFails.Swap(false) {
		return errors.New("the store is busy")
	}
	return s.Store.Add(o)
}

func node(name, version string) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, ResourceVersion: version}}
}

func main() {
	events := watch.NewFakeWithOptions(watch.FakeOptions{ChannelSize: 10})
	var lists atomic.Int32
	lw := &cache.ListWatch{
		ListWithContextFunc: func(context.Context, metav1.ListOptions) (runtime.Object, error) {
			lists.Add(1)
			return &corev1.NodeList{ListMeta: metav1.ListMeta{ResourceVersion: "1"}, Items: []corev1.Node{*node("first", "1")}}, nil
		},
		WatchFuncWithContext: func(context.Context, metav1.ListOptions) (watch.Interface, error) { return events, nil },
	}
	s := &store{Store: cache.NewStore(cache.MetaNamespaceKeyFunc)}
	s.replaceFails.Store(true)
	r := cache.NewReflectorWithOptions(cache.ToListWatcherWithWatchListSemantics(lw, listsOnly{}), &corev1.Node{}, s, cache.ReflectorOptions{})
	if err := r.ListAndWatchWithContext(context.Background()); err == nil {
		fail("a store that fails at a list is no error")
	}
	fmt.Println("a list that the store did not take: an error of the Reflector, which lists again")

	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	s.addFails.Store(true)
	ended := make(chan error, 1)
	go func() { ended <- r.ListAndWatchWithContext(ctx) }()
	events.Add(node("second", "2"))
	events.Add(node("third", "3"))
	for r.LastSyncResourceVersion() != "3" {
		select {
		case err := <-ended:
			fail(fmt.Sprint("the watch ended: ", err))
		case <-time.After(10 * time.Millisecond):
		}
	}
	time.Sleep(5 * time.Second)
	select {
	case err := <-ended:
		fail(fmt.Sprint("the watch ended: ", err))
	default:
	}
	fmt.Printf("an object of the watch that the store did not take: version %s, held %v, %d lists\n",
		r.LastSyncResourceVersion(), s.ListKeys(), lists.Load())
	if _, there, _ := s.GetByKey("second"); there || lists.Load() != 2 {
		fail("it came after all")
	}
}

// listsOnly has the Reflector list and then watch.
type listsOnly struct{}

func (listsOnly) IsWatchListSemanticsUnSupported() bool { return true }

func fail(text string) {
	fmt.Println("changed:", text)
	os.Exit(1)
}
GO
go mod init example.com/reflector >/dev/null 2>&1
go get k8s.io/client-go@v0.37.2 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
go run .
echo "as found: the second node is missing, and nobody is told"
