package sync

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// oneSync is an API server that has one Sync, and refuses what is written onto another version of it than it has.
type oneSync struct {
	t       *testing.T
	sync    api.Sync
	patched int
	refused int
	before  func() // each patch
}

func (s *oneSync) version() int { return must(strconv.Atoi(s.sync.ResourceVersion)) }

// write is what anybody does to the Sync.
func (s *oneSync) write(change func(*api.Sync)) {
	change(&s.sync)
	s.sync.ResourceVersion = strconv.Itoa(s.version() + 1)
}

func (s *oneSync) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, code := any(&s.sync), http.StatusOK
	if r.Method == http.MethodPatch {
		s.patched++
		if s.before != nil {
			s.before()
		}
		var patch api.Sync
		if err := json.NewDecoder(r.Body).Decode(&patch); err != nil {
			s.t.Error(err)
		}
		if patch.ResourceVersion != s.sync.ResourceVersion {
			s.refused++
			answer, code = conflict(), http.StatusConflict
		} else {
			s.write(func(now *api.Sync) { now.Finalizers = patch.Finalizers })
		}
	}
	text := must(json.Marshal(answer))
	return &http.Response{StatusCode: code, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(text)), Request: r}, nil
}

// The finalizer is put on the Sync as it is, and not as an informer has it, which may be behind: so it conflicts with no
// write of our own, and takes nothing off that others have put on. Who writes in between has it read once more.
func TestTheFinalizerIsPutOnTheSyncAsItIs(t *testing.T) {
	seen := api.Sync{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "agents", UID: "u", ResourceVersion: "5"}}
	seen.APIVersion, seen.Kind = api.Kind.GroupVersion().String(), api.Kind.Kind
	both := []string{"example.com/theirs", api.Finalizer}
	for name, between := range map[string]int{"the informer is behind": 0, "somebody writes it meanwhile": 2} {
		t.Run(name, func(t *testing.T) {
			server := &oneSync{t: t, sync: *seen.DeepCopy()}
			server.write(func(s *api.Sync) { s.Finalizers = []string{"example.com/theirs"} })
			writes := between
			server.before = func() {
				if writes--; writes >= 0 {
					server.write(func(s *api.Sync) { s.Status.Head = strconv.Itoa(writes) })
				}
			}
			told := &countedNews{}
			c := &Controller{Now: time.Now, Teller: told, Syncs: NewSyncs(must(dynamic.NewForConfig(
				&rest.Config{Host: "https://api.invalid", Transport: server})))}
			s, err := held(t.Context(), c, seen.DeepCopy())
			if err != nil || told.n != 0 {
				t.Fatalf("%v, told %d times", err, told.n)
			}
			if !slices.Equal(s.Finalizers, both) || !slices.Equal(server.sync.Finalizers, both) ||
				s.ResourceVersion != server.sync.ResourceVersion {
				t.Errorf("it has %q of version %s, the server %q of %s", s.Finalizers, s.ResourceVersion,
					server.sync.Finalizers, server.sync.ResourceVersion)
			}
			if server.refused != between || server.patched != between+1 {
				t.Errorf("%d of %d writes were refused", server.refused, server.patched)
			}
		})
	}
}
