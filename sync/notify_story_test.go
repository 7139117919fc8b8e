package sync

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	gosync "sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/manifests/clustertest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/notify"
)

// chat is a receiver of notifications, which may be away: then it breaks each connection.
type chat struct {
	mu    gosync.Mutex
	away  bool
	tries int
	took  []notify.Event
}

func (c *chat) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tries++
	var e notify.Event
	switch err := json.NewDecoder(r.Body).Decode(&e); {
	case c.away:
		panic(http.ErrAbortHandler)
	case err != nil || r.Header.Get("Content-Type") != notify.ContentType:
		w.WriteHeader(http.StatusBadRequest)
	default:
		c.took = append(c.took, e)
		w.WriteHeader(http.StatusNoContent)
	}
}

func (c *chat) goes(away bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away, c.tries = away, 0
}

// told is what it has taken, and how often it was tried since it went or came.
func (c *chat) told() (all []string, tries int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.took {
		all = append(all, strings.TrimPrefix(e.Type, "io.daemongate.sync.")+" "+api.Short(e.Subject))
	}
	return all, c.tries
}

// A receiver is away while three states pass and the controller is restarted: the rollouts go on and the Git host is told of
// them meanwhile; and once it is back it is told of all three, in order and once each.
func TestNotificationsOutlastAnOutageAndARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	receiver := &chat{}
	server := httptest.NewServer(receiver)
	t.Cleanup(server.Close)
	_, err := w.kube.CoreV1().Secrets(w.namespace).Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "chat"}, StringData: map[string]string{"url": server.URL + "/hook"}}, metav1.CreateOptions{})
	w.check(err)
	v1 := w.push("v1", map[string]string{"agent.yaml": agent("v1")})
	w.create(func(s *api.SyncSpec) {
		s.Report.Notify = &api.Notify{SecretRef: api.LocalObjectReference{Name: "chat"},
			States: []api.Notice{"RollingOut", "Complete", "Stuck", "Failed"}}
	})
	data := t.TempDir()
	_, stop := w.runFor(w.namespace, shared.Config, data)
	w.waitFor(v1, api.Complete)
	first := []string{"rollingout " + api.Short(v1), "complete " + api.Short(v1)}
	receiver.waitFor(t, first)

	receiver.goes(true)
	bad := w.push("bad", map[string]string{"agent.yaml": "kind: DaemonSet\n"})
	w.waitFor(bad, api.Failed)
	w.told(bad, "error")
	clustertest.Until(t, time.Minute, "a try", func() (string, bool) { _, tries := receiver.told(); return "", tries > 0 })
	stop()
	w.controller(shared.Config, data)
	v2 := w.push("v2", map[string]string{"agent.yaml": agent("v2")})
	w.waitFor(v2, api.Complete)
	w.told(v2, "success")
	w.wait("all three to be kept", func(api.SyncStatus) bool {
		m, err := w.kube.CoreV1().ConfigMaps(w.namespace).Get(t.Context(), "agents-notifications", metav1.GetOptions{})
		return err == nil && strings.Count(m.Data["outbox.json"], `"id":`) == 3
	})
	if told, _ := receiver.told(); len(told) != len(first) {
		t.Fatalf("who is away was told %v", told)
	}

	receiver.goes(false)
	receiver.waitFor(t, append(first, "failed "+api.Short(bad), "rollingout "+api.Short(v2), "complete "+api.Short(v2)))
	ids := map[string]bool{}
	for _, e := range receiver.took {
		ids[e.ID] = true
	}
	if e := receiver.took[2]; len(ids) != 5 || e.Data.Namespace != w.namespace || e.Data.Name != "agents" ||
		e.Data.State != api.Failed || !strings.HasPrefix(e.Data.Text, "Failed: ") {
		t.Errorf("%d ids; the third is %+v", len(ids), e)
	}
	w.wait("nothing to be kept any more", func(api.SyncStatus) bool {
		m, err := w.kube.CoreV1().ConfigMaps(w.namespace).Get(t.Context(), "agents-notifications", metav1.GetOptions{})
		return err == nil && !strings.Contains(m.Data["outbox.json"], `"id":`)
	})
	if told, _ := receiver.told(); len(told) != 5 {
		t.Errorf("told %v", told)
	}
}

// waitFor returns when it has taken exactly so much.
func (c *chat) waitFor(t *testing.T, want []string) {
	t.Helper()
	clustertest.Until(t, 2*time.Minute, fmt.Sprint(want), func() (string, bool) {
		told, _ := c.told()
		return fmt.Sprint(told), slices.Equal(told, want)
	})
}
