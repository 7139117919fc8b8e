package sync

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"

	"golang.org/x/crypto/ssh"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/gitsource/remote"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// playedCluster is a world that plays a cluster of its own: a namespace, and a process that is called so, with a network to
// Git that can be cut.
type playedCluster struct {
	*world
	name string
	key  string // file with the key by which it signs; empty if it does not
	cut  atomic.Bool
	now  *process
}

// playClusters are clusters that follow one repository, which the first world has made.
func playClusters(t *testing.T, names ...string) (clusters []*playedCluster) {
	t.Helper()
	first := newWorld(t)
	first.git("-C", first.url, "config", "http.receivepack", "true")
	server, err := url.Parse(gittest.ServeHTTP(t, filepath.Dir(first.url), "", func() {}))
	first.check(err)
	for i, name := range names {
		c := &playedCluster{world: first, name: name}
		if i > 0 {
			c.world = newWorld(t)
			c.work, c.files = first.work+"-"+name, first.files
		}
		forward := httputil.NewSingleHostReverseProxy(server)
		network := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c.cut.Load() {
				panic(http.ErrAbortHandler) // the connection breaks
			}
			forward.ServeHTTP(w, r)
		}))
		t.Cleanup(network.Close)
		c.url = network.URL + "/" + filepath.Base(first.url)
		clusters = append(clusters, c)
	}
	clusters[0].git("remote", "set-url", "origin", clusters[0].url)
	return clusters
}

// starts starts its controller, with the data that an earlier one has left.
func (c *playedCluster) starts() {
	c.t.Helper()
	args := []string{"--cluster-name=" + c.name}
	if c.key != "" {
		args = append(args, "--notes-key="+c.key)
	}
	c.now = c.process(args...)
}

// isAt reports what is in flight in the cluster.
func (c *playedCluster) isAt() string { return c.status().InFlight.Commit }

// began is when what is in flight began.
func (c *playedCluster) began() time.Time { return c.status().InFlight.Since.Time }

// afterClusters has a Sync go after others.
func afterClusters(s *api.SyncSpec, after ...api.After) { s.Gate.After = after }

func soaking(cluster string, soak time.Duration) api.After {
	return api.After{Cluster: cluster, Count: 1, Soak: metav1.Duration{Duration: soak}}
}

// One commit goes through a canary, a region and the rest, three controllers of their own that follow one repository and
// know nothing of each other but what each tells in notes: over a kill -9 of one that waits and of one that goes before,
// and over a cut network, in which nothing starts that waits. What the canary has let through does not start once it is
// stuck at a newer commit, and its earlier success lets nothing through; the fix goes the same way. A hold stops all.
func TestACommitGoesFromClusterToCluster(t *testing.T) {
	t.Parallel()
	const soak = 2 * time.Second
	all := playClusters(t, "canary-1", "region-1", "rest-1")
	canary, region, rest := all[0], all[1], all[2]
	push := func(version string, made func(string) string) string {
		return canary.push(version, map[string]string{"agent.yaml": made(small(version))})
	}
	well := func(daemonSet string) string { return daemonSet }
	v1 := push("v1", well)
	canary.create(nil)
	region.create(func(s *api.SyncSpec) { afterClusters(s, soaking("canary-*", soak)) })
	rest.create(func(s *api.SyncSpec) { afterClusters(s, soaking("canary-1", 0), soaking("region-?", soak)) })
	for _, c := range all {
		c.starts()
	}
	rest.waitFor(v1, api.Complete)
	told := func(c *playedCluster, commit string) time.Time { return recordOf(c.status(), commit).Since.Time }
	if at := told(canary, v1).Add(soak); region.began().Before(at) {
		t.Errorf("the region began at %s, and was to wait until %s", region.began(), at)
	}
	if at := told(region, v1).Add(soak); rest.began().Before(at) {
		t.Errorf("the rest began at %s, and was to wait until %s", rest.began(), at)
	}

	region.now.kill()
	v2 := push("v2", well)
	canary.waitFor(v2, api.Complete)
	rest.says(v2, api.Held, "0 of 1 (region-1 has said nothing of it)")
	region.starts()
	rest.waitFor(v2, api.Complete)

	canary.now.kill()
	v3 := push("v3", well)
	region.says(v3, api.Held, "0 of 1 (canary-1 has said nothing of it)") // whatever v2 came to there
	region.cut.Store(true)
	canary.starts()
	canary.waitFor(v3, api.Complete)
	region.says(v3, api.Held, "what has been told there cannot be read now")
	ripe := told(canary, v3).Add(soak)
	region.wait("the soak to be over by far", func(api.SyncStatus) bool { return time.Now().After(ripe.Add(soak)) })
	if region.isAt() != v2 || rest.isAt() != v2 {
		t.Errorf("the region is at %s and the rest at %s, and the region cannot know", api.Short(region.isAt()), api.Short(rest.isAt()))
	}
	region.cut.Store(false)
	rest.waitFor(v3, api.Complete)

	region.cut.Store(true)
	v4 := push("v4", well)
	canary.waitFor(v4, api.Complete)
	v5 := push("v5", crashing)
	canary.waitFor(v5, api.Stuck)
	rest.says(v5, api.Held, "canary-1 is stuck at "+api.Short(v5))
	canary.toldBy("canary-1", v5, `"state":"Stuck"`)
	region.cut.Store(false)
	region.says(v4, api.Held, "canary-1 is stuck at "+api.Short(v5))
	if region.isAt() != v3 || rest.isAt() != v3 {
		t.Errorf("the region is at %s and the rest at %s, and the canary is stuck", api.Short(region.isAt()), api.Short(rest.isAt()))
	}
	v6 := push("v6", well)
	rest.waitFor(v6, api.Complete)
	if r := recordOf(region.status(), v5); r == nil || r.State != api.Carried {
		t.Errorf("what was stuck at the canary is %+v in the region", r)
	}

	to := must(remote.New(canary.url, remote.Auth{}, remote.Options{}))
	t.Cleanup(to.Close)
	canary.check(forge.Hold{What: forge.HoldAll, By: "ada", Reason: "incident", At: time.Now()}.Put(t.Context(), to))
	v7 := push("v7", well)
	for _, c := range all {
		c.says(v7, api.Held, "held in all clusters by ada: incident")
	}
	canary.check(forge.Lift(t.Context(), to, forge.HoldAll))
	rest.waitFor(v7, api.Complete)
}

// toldBy waits until the notes of a cluster say something of a commit.
func (w *world) toldBy(cluster, commit, text string) {
	w.t.Helper()
	w.wait("the note of "+cluster, func(api.SyncStatus) bool {
		w.git("fetch", "-q", "origin", "+refs/notes/daemongate/*:refs/notes/daemongate/*")
		return strings.Contains(w.git("log", "-1", "--format=%N", "--notes=daemongate/"+cluster, commit), text)
	})
}

// newKeyFile makes a key, and returns its file and who it is in allowed_signers.
func newKeyFile(t *testing.T) (path, public string) {
	t.Helper()
	key, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block := must(ssh.MarshalPrivateKey(private, ""))
	path = filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, string(ssh.MarshalAuthorizedKey(must(ssh.NewPublicKey(key))))
}

// Where signatures are asked for, what anybody pushes in a cluster's name lets nothing through, and says so; what the
// cluster itself signs does.
func TestAForgedNoteLetsNothingThrough(t *testing.T) {
	t.Parallel()
	all := playClusters(t, "canary-1", "rest-1")
	canary, rest := all[0], all[1]
	var public string
	canary.key, public = newKeyFile(t)
	_, err := rest.kube.CoreV1().Secrets(rest.namespace).Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "speakers"}, Data: map[string][]byte{"canaries": []byte("canary-* " + public)},
	}, metav1.CreateOptions{})
	rest.check(err)
	v1 := canary.push("v1", map[string]string{"agent.yaml": small("v1")})
	canary.create(nil)
	rest.create(func(s *api.SyncSpec) {
		after := soaking("canary-1", 0)
		after.Verify = &api.AfterVerify{SecretRef: api.LocalObjectReference{Name: "speakers"}}
		afterClusters(s, after)
	})
	rest.starts()
	forged := forge.NewNotes(canary.url, "canary-1", remote.Auth{}, t.TempDir())
	canary.check(forged.Report(t.Context(), []forge.Status{{Commit: v1, Context: "forged", State: forge.Success,
		Time: time.Now().Add(-time.Hour), Details: forge.Details{Sync: "platform/agents", State: "Complete"}}}).Err())
	rest.says(v1, api.Held, "canary-1 does not count: the newest commit of its notes is not signed")
	canary.starts()
	rest.waitFor(v1, api.Complete)
}
