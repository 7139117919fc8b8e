package sync

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/yaml"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

const (
	// patience is how long a test waits for what must come, on a machine that is busy with other things too.
	patience = 15 * time.Minute
	// elsewhere is how often a test looks at what it waits for if that is not in the Sync's status.
	elsewhere = 100 * time.Millisecond
)

// wait returns when the status satisfies a condition. The Sync is watched, not read again and again: dozens of stories
// wait at the same time for one API server, and no status between two reads is overlooked.
func (w *world) wait(what string, holds func(api.SyncStatus) bool) api.SyncStatus {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	changes := w.watchSync(ctx)
	defer func() { changes.Stop() }()
	look := time.NewTicker(elsewhere)
	defer look.Stop()
	var s *api.SyncStatus
	for {
		select {
		case <-ctx.Done():
			w.t.Fatalf("waited %s for %s; the Sync says\n%s", patience, what, brief(s))
		case e := <-changes.ResultChan():
			u, ok := e.Object.(*unstructured.Unstructured)
			if !ok || e.Type == watch.Error {
				changes.Stop()
				changes = w.watchSync(ctx)
				continue
			}
			s = &must(typed(u)).Status
		case <-look.C:
		}
		if s != nil && holds(*s) {
			return *s
		}
	}
}

// rests waits until nothing was counted for two seconds, as when what belongs to the beginning has come, and returns the
// count. It looks often in them: a machine that stood still for a while has done nothing meanwhile.
func (w *world) rests(count *atomic.Int32) int32 {
	w.t.Helper()
	before, quiet := int32(-1), 0
	for end := time.Now().Add(patience); ; time.Sleep(elsewhere) {
		now := count.Load()
		if quiet++; now != before {
			before, quiet = now, 0
		}
		if quiet == int(2*time.Second/elsewhere) {
			return now
		}
		if time.Now().After(end) {
			w.t.Fatalf("waited %s for two seconds of rest: counted %d", patience, now)
		}
	}
}

// watchSync begins with the Sync as it is.
func (w *world) watchSync(ctx context.Context) watch.Interface {
	w.t.Helper()
	only := metav1.ListOptions{FieldSelector: "metadata.name=agents"}
	changes, err := w.client.Resource(api.Resource).Namespace(w.namespace).Watch(ctx, only)
	if err != nil && ctx.Err() == nil {
		w.t.Fatalf("watch the Sync: %v", err)
	}
	if err != nil {
		return watch.NewEmptyWatch()
	}
	return changes
}

// brief is what a person reads of a status: without what judging it must not forget.
func brief(s *api.SyncStatus) string {
	if s == nil {
		return "nothing: there is none"
	}
	s = s.DeepCopy()
	if s.InFlight != nil {
		for i := range s.InFlight.Workloads {
			s.InFlight.Workloads[i].Memory = runtime.RawExtension{}
		}
	}
	text, err := yaml.Marshal(map[string]any{"summary": s.Summary, "inFlight": s.InFlight, "held": s.Held,
		"conditions": s.Conditions})
	if err != nil {
		return fmt.Sprint(err)
	}
	return string(text)
}
