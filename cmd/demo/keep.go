package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// kept is for how long the cluster stays after the story, if nobody has asked for more.
const kept = time.Minute

// keep keeps the cluster for whoever wants to look at it, and says how: for a minute, or until the demo is ended.
func keep(ctx context.Context, out io.Writer, daemongate, kubeconfig string, forever bool) {
	long, over := "for a minute; make demo KEEP=1 keeps it until ^C", time.After(kept)
	if forever {
		long, over = "until ^C", nil
	}
	_, _ = fmt.Fprintf(out, `
── The cluster stays %s. Look at it from another terminal, on the terminal or in a browser:
   export KUBECONFIG=%s
   %[3]s watch node-agents -n platform
   %[3]s dashboard node-agents -n platform
`, long, kubeconfig, daemongate)
	select {
	case <-ctx.Done():
	case <-over:
	}
}
