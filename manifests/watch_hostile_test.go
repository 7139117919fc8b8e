package manifests

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// A panic when something is seen ends neither the process nor the watch: nothing is known of the place until
// everything has been read again, and why is told.
func TestAWatchOutlivesAPanic(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		switch q := r.URL.Query(); {
		case q.Get("sendInitialEvents") != "": // an older server
			rw.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = fmt.Fprint(rw, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Invalid","code":422}`)
		case q.Get("watch") != "":
			_ = http.NewResponseController(rw).Flush()
			<-r.Context().Done()
		default:
			_, _ = fmt.Fprint(rw, `{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1",
				"metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"agent","namespace":"platform","resourceVersion":"7"}}]}`)
		}
	}))
	defer server.Close()
	client, err := NewClient(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	var panics atomic.Bool
	panics.Store(true)
	w := client.Watch(Owner{Namespace: "platform", Name: "agents"}, func() {
		if panics.Load() {
			panic("s3cr3t")
		}
	})
	defer w.Stop()
	at := place{schema.GroupKind{Kind: "ConfigMap"}, "platform"}
	w.places[at] = w.start(at, schema.GroupVersionResource{Version: "v1", Resource: "configmaps"})
	wait := func(what string, is func(error) bool) {
		t.Helper()
		for end := time.Now().Add(5 * time.Minute); !is(w.Trouble()); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("no %s: %v", what, w.Trouble())
			}
		}
	}
	id := ID{Kind: "ConfigMap", Namespace: "platform", Name: "agent"}
	wait("trouble", func(err error) bool {
		_, seen := w.Seen(id)
		return !seen && err != nil && strings.Contains(err.Error(), "panicked") && !strings.Contains(err.Error(), "s3cr3t")
	})
	panics.Store(false)
	wait("end of it", func(err error) bool {
		v, seen := w.Seen(id)
		return err == nil && seen && !v.Gone()
	})
}
