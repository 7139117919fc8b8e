package main

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// After the story the cluster stays for a minute, or until somebody has seen enough, and it is said how to look at it.
func TestTheClusterIsKeptAndShown(t *testing.T) {
	for _, forever := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			var said strings.Builder
			began := time.Now()
			keep(ctx, &said, "bin/daemongate", "/tmp/kubeconfig", forever)
			if stayed, want := time.Since(began), map[bool]time.Duration{false: time.Minute, true: time.Hour}[forever]; stayed != want {
				t.Errorf("KEEP %t: it stays %s, want %s", forever, stayed, want)
			}
			for _, want := range []string{"export KUBECONFIG=/tmp/kubeconfig\n", "bin/daemongate watch node-agents -n platform\n",
				"bin/daemongate dashboard node-agents -n platform\n"} {
				if !strings.Contains(said.String(), want) {
					t.Errorf("KEEP %t: %s is not said: %s", forever, want, said.String())
				}
			}
		})
	}
}
