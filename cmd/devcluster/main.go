// Command devcluster runs a Kubernetes control plane on this machine, with nodes and pods that are played: etcd,
// kube-apiserver, kube-controller-manager, kube-scheduler and KWOK are this same binary under another name.
package main

import (
	"os"
	"path/filepath"

	"github.com/daemongate/daemongate/cmd/devcluster/cli"
)

func main() {
	if run, ok := components[filepath.Base(os.Args[0])]; ok {
		os.Exit(run())
	}
	ownFlags()
	os.Exit(cli.Run(os.Args[1:], os.Stdout, os.Stderr))
}
