package clusters

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	gosync "sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/daemongate/daemongate/gitsource/remote"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// server plays a cluster of which only namespace kube-system is read.
type server struct {
	*httptest.Server
	mu     gosync.Mutex
	ahead  time.Duration // its clock
	leads  string        // where it redirects to, if it does
	uid    string
	code   int
	hangs  chan struct{} // requests wait for it to be closed; nil if none does
	called atomic.Int64
}

func newServer(t *testing.T) *server {
	s := &server{uid: "0123456789", code: http.StatusOK}
	s.Server = httptest.NewTLSServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(rw http.ResponseWriter, _ *http.Request) {
	s.called.Add(1)
	s.mu.Lock()
	uid, code, hangs, leads := s.uid, s.code, s.hangs, s.leads
	rw.Header().Set("Date", time.Now().Add(s.ahead).UTC().Format(http.TimeFormat))
	s.mu.Unlock()
	if hangs != nil {
		<-hangs
	}
	if leads != "" {
		rw.Header().Set("Location", leads)
		code = http.StatusTemporaryRedirect
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(code)
	var answer any = map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "kube-system", "uid": uid}}
	if code != http.StatusOK {
		answer = metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: "Failure", Code: int32(code), //nolint:gosec // a status
			Reason: map[int]metav1.StatusReason{401: metav1.StatusReasonUnauthorized, 403: metav1.StatusReasonForbidden,
				404: metav1.StatusReasonNotFound}[code], Message: "s3cr3t"}
	}
	_ = json.NewEncoder(rw).Encode(answer)
}

func (s *server) set(uid string, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uid, s.code = uid, code
}

// lead has requests redirected.
func (s *server) lead(to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leads = to
}

// kubeconfig leads to the server.
func (s *server) kubeconfig(t *testing.T, token string) string {
	t.Helper()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	text, err := clientcmd.Write(clientcmdapi.Config{CurrentContext: "a",
		Clusters:  map[string]*clientcmdapi.Cluster{"c": {Server: s.URL, CertificateAuthorityData: ca}},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{"u": {Token: token}},
		Contexts:  map[string]*clientcmdapi.Context{"a": {Cluster: "c", AuthInfo: "u"}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// secrets are what Secrets hold, by their names.
type secrets map[string]map[string]string

func (s secrets) clusters(reach remote.Reach) *Clusters {
	return New(Options{Control: reach.Control, Guard: func(c *rest.Config) *rest.Config { return c },
		Home: func(context.Context) (string, error) { return "01234567", nil },
		Read: func(_ context.Context, _, name string) (map[string][]byte, error) {
			data := map[string][]byte{}
			for k, v := range s[name] {
				data[k] = []byte(v)
			}
			return data, nil
		}})
}

func syncOf(secret string) *api.Sync {
	s := &api.Sync{}
	s.Namespace, s.Name = "fleet", "agents"
	s.Spec.Apply.KubeConfig = &api.KubeConfig{SecretRef: api.KubeConfigRef{Name: secret}}
	return s
}

// asked is a Sync that a person wants to be looked after.
func asked(secret string, times int) *api.Sync {
	s := syncOf(secret)
	s.Annotations = map[string]string{sync.RequestAnnotation: fmt.Sprint(times)}
	return s
}

// What keeps a cluster from being used is told by its reason, whether it passes by itself, and soon asked again; nothing
// of what the server says is repeated. When it is well again the connection is the same as before.
func TestWhyAClusterIsNotUsed(t *testing.T) { //nolint:gocyclo // one rule after the other of one result
	s := newServer(t)
	c := secrets{"prod": {"value.yaml": s.kubeconfig(t, "x")}}.clusters(remote.Reach{})
	first, barred, again := c.At(t.Context(), syncOf("prod"))
	if barred != nil || first == nil || first.There().UID != "0123456789" || first.There().Home != "01234567" || again != 0 {
		t.Fatalf("%+v %+v %s", first, barred, again)
	}
	for i, is := range []struct {
		code   int
		reason string
		passes bool
	}{{401, "ClusterUnauthorized", false}, {403, "ClusterForbidden", false}, {404, "ClusterUnreachable", true},
		{503, "ClusterUnreachable", true}} {
		s.set("0123456789", is.code)
		at, barred, again := c.At(t.Context(), asked("prod", i))
		if at != first || barred == nil {
			t.Fatalf("%d: %+v", is.code, barred)
		}
		want := sync.Barred{Reason: is.reason, Passes: is.passes, Message: barred.Message}
		if *barred != want || again <= 0 || again > lookEvery || strings.Contains(barred.Message, "s3cr3t") {
			t.Errorf("%d: %+v, again in %s", is.code, barred, again)
		}
	}
	s.set("0123456789", 200)
	if at, barred, _ := c.At(t.Context(), asked("prod", 9)); at != first || barred != nil {
		t.Errorf("it is well again: %+v", barred)
	}
	s.Close()
	if _, barred, _ := c.At(t.Context(), asked("prod", 10)); barred == nil || barred.Reason != "ClusterUnreachable" || !barred.Passes {
		t.Errorf("nobody listens: %+v", barred)
	}
}

// A Secret without a kubeconfig is told by what is missing, and waits for a person.
func TestASecretWithoutAKubeconfigIsTold(t *testing.T) {
	c := secrets{"none": {"other": "x"}, "broken": {"value": "\tx"}}.clusters(remote.Reach{})
	for name, says := range map[string]string{"none": "has no key value", "broken": "is no kubeconfig"} {
		if at, barred, _ := c.At(t.Context(), syncOf(name)); at != nil || barred == nil || barred.Reason != "KubeConfigInvalid" ||
			barred.Passes || !strings.Contains(barred.Message, says) {
			t.Errorf("%s: %+v", name, barred)
		}
	}
}

// Other credentials, and another cluster behind the same address, make another connection; and who still has the old one
// cannot write by it to the cluster that is there now.
func TestAnotherClusterIsAnotherConnection(t *testing.T) {
	s := newServer(t)
	all := secrets{"prod": {"value": s.kubeconfig(t, "x")}}
	c := all.clusters(remote.Reach{})
	first, _, _ := c.At(t.Context(), syncOf("prod"))
	if same, _, _ := c.At(t.Context(), asked("prod", 1)); same != first {
		t.Error("nothing has changed, and the connection has")
	}
	all["prod"]["value"] = s.kubeconfig(t, "y")
	second, barred, _ := c.At(t.Context(), asked("prod", 2))
	if second == first || barred != nil {
		t.Errorf("other credentials: %+v", barred)
	}
	w, err := second.Writer("")
	if err != nil {
		t.Fatal(err)
	}
	s.set("another", 200)
	if _, err := w.LetGo(t.Context(), nil, manifests.Owner{}, manifests.Options{}); err == nil || !strings.Contains(err.Error(), "another cluster") {
		t.Errorf("it would be written to another cluster: %v", err)
	}
	third, _, _ := c.At(t.Context(), asked("prod", 3))
	if third == second || third.There().UID != "another" {
		t.Errorf("another cluster: %+v", third.There())
	}
}

// A ServiceAccount that is there is asked about once in a while, however many Syncs write as it, and one that is not each
// time.
func TestAnAccountThereIsAskedAboutOnceInAWhile(t *testing.T) {
	s := newServer(t)
	at, barred, _ := secrets{"prod": {"value": s.kubeconfig(t, "x")}}.clusters(remote.Reach{}).At(t.Context(), syncOf("prod"))
	if barred != nil {
		t.Fatal(barred)
	}
	now := clocktesting.NewFakeClock(time.Now())
	at.users.there = cache.NewExpiringWithClock(now)
	before := s.called.Load()
	asks := func(what string, lacks bool, requests int64) {
		t.Helper()
		if got := at.LacksAccount(t.Context(), "fleet", "deployer"); got != lacks || s.called.Load()-before != requests {
			t.Errorf("%s: lacks it %v, %d requests", what, got, s.called.Load()-before)
		}
	}
	s.set("0123456789", http.StatusNotFound)
	asks("it is not there", true, 1)
	asks("still not", true, 2)
	s.set("0123456789", http.StatusOK)
	asks("now it is", false, 3)
	asks("a moment later", false, 3)
	now.Step(AccountFor + time.Second)
	s.set("0123456789", http.StatusForbidden)
	asks("nobody may look", false, 4)
	asks("nor now", false, 5)
}

// While a cluster does not answer, whoever else asks for it is told what was known before, at once, and another cluster
// is reached.
func TestAClusterThatHangsKeepsNobodyWaiting(t *testing.T) {
	s, well := newServer(t), newServer(t)
	c := secrets{"prod": {"value": s.kubeconfig(t, "x")}, "well": {"value": well.kubeconfig(t, "x")}}.clusters(remote.Reach{})
	first, _, _ := c.At(t.Context(), syncOf("prod"))
	hangs := make(chan struct{})
	s.mu.Lock()
	s.hangs = hangs
	s.mu.Unlock()
	before := s.called.Load()
	var waiting gosync.WaitGroup
	waiting.Go(func() { _, _, _ = c.At(t.Context(), asked("prod", 1)) })
	for end := time.Now().Add(5 * time.Minute); s.called.Load() == before && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	other := asked("prod", 1)
	other.Name = "others"
	_, _, _ = c.At(t.Context(), other)
	other.Annotations[sync.RequestAnnotation] = "2"
	if at, barred, _ := c.At(t.Context(), other); at != first || barred != nil { // else it would hang, and so would the test
		t.Errorf("%+v", barred)
	}
	if at, barred, _ := c.At(t.Context(), syncOf("well")); at == nil || barred != nil {
		t.Errorf("%+v", barred)
	}
	close(hangs)
	waiting.Wait()
}

// A kubeconfig that leads to the controller's own machine is refused there, as a repository is, and nothing is called.
func TestAKubeconfigCallsNothingOfTheControllersMachine(t *testing.T) {
	s := newServer(t)
	c := secrets{"prod": {"value": s.kubeconfig(t, "x")}}.clusters(remote.Reach{NoLocal: true})
	_, barred, _ := c.At(t.Context(), syncOf("prod"))
	if barred == nil || !strings.Contains(barred.Message, "--allow-local-networks") || s.called.Load() > 0 {
		t.Errorf("%+v, called %d times", barred, s.called.Load())
	}
}
