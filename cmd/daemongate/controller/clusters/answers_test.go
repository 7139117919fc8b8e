package clusters

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	gosync "sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/daemongate/daemongate/gitsource/remote"
	"github.com/daemongate/daemongate/manifests"
)

// What keeps no promise of a cluster is not used: it tells no UID, which would be taken for the Sync's own cluster, or
// leads on to another server, which nobody shows the credentials, nor reads anything of.
func TestWhatIsNoClusterIsNotUsed(t *testing.T) {
	s, other := newServer(t), newServer(t)
	s.set("", http.StatusOK)
	c := secrets{"prod": {"value": s.kubeconfig(t, "x")}}.clusters(remote.Reach{})
	if at, barred, _ := c.At(t.Context(), syncOf("prod")); at != nil || barred == nil || barred.Reason != "ClusterUnreachable" {
		t.Errorf("no UID: %+v", barred)
	}
	s.set("0123456789", http.StatusOK)
	s.lead(other.URL)
	if at, barred, _ := c.At(t.Context(), asked("prod", 1)); at != nil || barred == nil || !strings.Contains(barred.Message, "is not followed") {
		t.Errorf("leads on: %+v", barred)
	}
	s.lead(strings.Replace(other.URL, "https", "http", 1))
	if at, barred, _ := c.At(t.Context(), asked("prod", 2)); at != nil || barred == nil || !strings.Contains(barred.Message, "is not followed") {
		t.Errorf("leads on in the clear: %+v", barred)
	}
	if other.called.Load() > 0 {
		t.Errorf("the other server is called %d times", other.called.Load())
	}
}

// What is judged first in a cluster is judged by its clock: it is known when the cluster has said which one it is, also
// after new credentials.
func TestTheClockThereIsKnownFromTheBeginning(t *testing.T) {
	s := newServer(t)
	s.ahead = time.Hour
	all := secrets{"prod": {"value": s.kubeconfig(t, "x")}}
	c := all.clusters(remote.Reach{})
	for i, token := range []string{"x", "y"} {
		all["prod"]["value"] = s.kubeconfig(t, token)
		at, barred, _ := c.At(t.Context(), asked("prod", i))
		if barred != nil {
			t.Fatal(barred)
		}
		if ahead := time.Until(at.There().Now()); ahead < 50*time.Minute || ahead > 70*time.Minute {
			t.Errorf("credentials %s: the clock there is %s ahead, not an hour", token, ahead)
		}
	}
}

// However many Syncs write to one cluster at once, none waits for the others to be told which cluster it is.
func TestManyWriteAtOnce(t *testing.T) {
	s := &server{uid: "0123456789", code: http.StatusOK}
	s.Server = httptest.NewUnstartedServer(s)
	s.EnableHTTP2 = true // as API servers have: one connection is enough
	s.StartTLS()
	defer s.Close()
	at, barred, _ := secrets{"prod": {"value": s.kubeconfig(t, "x")}}.clusters(remote.Reach{}).At(t.Context(), syncOf("prod"))
	if barred != nil {
		t.Fatal(barred)
	}
	w, err := at.Writer("")
	if err != nil {
		t.Fatal(err)
	}
	var writing gosync.WaitGroup
	for range 100 {
		writing.Go(func() {
			if _, err := w.LetGo(t.Context(), nil, manifests.Owner{}, manifests.Options{}); err != nil {
				t.Error(err)
			}
		})
	}
	writing.Wait()
}

// A cluster that takes long to be of no use is left alone for as long as its pause is, and whoever comes meanwhile does
// not come again at once: else all turns of its Syncs would follow each other without a rest.
func TestPausesBeginWhenTheAnswerIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		c := New(Options{Read: func(context.Context, string, string) (map[string][]byte, error) {
			reads++
			time.Sleep(30 * time.Second)
			return nil, errors.New("no answer")
		}})
		var looking gosync.WaitGroup
		_, _, _ = c.At(t.Context(), syncOf("prod"))
		for range 3 { // longer than the pause, and the next look has begun
			time.Sleep(lookEvery)
			looking.Go(func() { _, _, _ = c.At(t.Context(), syncOf("prod")) })
			synctest.Wait()
			if _, barred, again := c.At(t.Context(), syncOf("prod")); barred == nil || again < leastPause {
				t.Errorf("while somebody looks: %+v, again in %s", barred, again)
			}
			looking.Wait()
			was := reads
			if _, barred, again := c.At(t.Context(), syncOf("prod")); barred == nil || again < leastPause || reads != was {
				t.Errorf("after a look: %+v, again in %s, and looked %d times more", barred, again, reads-was)
			}
		}
	})
}

// What people asked for is remembered of so many Syncs at most.
func TestRequestsAreBounded(t *testing.T) {
	c := secrets{}.clusters(remote.Reach{})
	s := syncOf("prod")
	e := c.entry(placeOf(s))
	for i := range mostRequests + 10 {
		s.Name = fmt.Sprint("agents-", i)
		c.asked(e, s)
	}
	if len(e.requests) > mostRequests {
		t.Errorf("%d are remembered", len(e.requests))
	}
}
