package main

import (
	"context"
	"fmt"
	"io"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"

	"github.com/daemongate/daemongate/manifests/install"
)

// leaseName is the name of the Lease that a controller holds, if it is told no other.
const leaseName = "daemongate"

// idleAfter is how long nobody has renewed the Lease when what the Syncs say is called old.
const idleAfter = time.Minute

// warnIdle says if no controller has run for a while: what a Sync's status says is as old then. Whoever may not read
// the Lease, or has given it another name, is told nothing.
func (k *cluster) warnIdle(ctx context.Context, out io.Writer) {
	config, _, err := k.connect()
	if err != nil {
		return
	}
	leases, err := coordination.NewForConfig(config)
	if err != nil {
		return
	}
	l, err := leases.Leases(install.Owner.Namespace).Get(ctx, leaseName, metav1.GetOptions{})
	if err != nil {
		return
	}
	if text := idleWords(l, time.Now()); text != "" {
		_, _ = fmt.Fprintln(out, text)
	}
}

// idleWords are empty while a controller runs.
func idleWords(l *coordinationv1.Lease, now time.Time) string {
	renewed := l.Spec.RenewTime
	if renewed == nil || now.Sub(renewed.Time) < idleAfter {
		return ""
	}
	return fmt.Sprintf("no controller has run for %s: what is said here may be as old; "+
		"Lease %s/%s was last renewed at %s",
		duration.HumanDuration(now.Sub(renewed.Time)), l.Namespace, l.Name, renewed.UTC().Format(time.RFC3339))
}
