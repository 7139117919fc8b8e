// Command daemongate lets the next commit through only when the DaemonSets of the last one have taken over every node.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"

	"github.com/daemongate/daemongate/render/child"
)

// version is set by the linker: see the Makefile.
var version string

func main() {
	runtime.MemProfileRate = 0 // what is sampled takes megabytes, and nobody sees it unless run serves profiles
	if child.Asked(os.Args) {
		os.Exit(child.Serve(os.Stdin, os.Stdout, os.Stderr))
	}
	klog.SetLogger(logr.Discard()) // a command returns its errors, and only the controller keeps a log: run sets it
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(conclude(run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr), os.Stderr))
}
