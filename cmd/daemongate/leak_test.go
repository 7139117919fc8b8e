package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	gosync "sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/manifests/clustertest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// A controller looks after Syncs of which each fails in another way, at servers that repeat the credentials they are
// shown; one works. Whatever the controller and the commands say, and whatever they leave in the cluster, in the
// repository or with others, or show on a page, holds none of the credentials and no value of a Secret, in no encoding
// (law 11).
func TestSecretsNeverLeave(t *testing.T) {
	t.Parallel()
	s := startLeaks(t)
	s.hear()
	s.await()
	s.drift()
	s.v.grep(t, "the log", s.log.String())
	for where, text := range s.inCluster() {
		s.v.grep(t, where, text)
	}
	s.v.grep(t, "what other hosts were told", s.h.heard())
	s.v.grep(t, "the notes", gittest.Run(t, s.bare, "log", "-p", "--glob=refs/notes/daemongate/*"))
	s.askEverything()
	s.diffOfWhatGoes()
	s.openEveryPage()
}

// leaks is the story's stage.
type leaks struct {
	t       *testing.T
	v       *vault
	h       *hostile
	fleet   []leaky
	cluster *clustertest.Cluster
	kube    kubernetes.Interface
	syncs   dynamic.ResourceInterface
	bare    string // the repository of the Sync that works
	hooks   string // address
	log     *locked
}

func startLeaks(t *testing.T) *leaks {
	t.Helper()
	v := &vault{}
	s := &leaks{t: t, v: v, cluster: clustertest.Start(t, clustertest.Options{Nodes: 2}), log: &locked{}}
	s.h = startHostile(t, v, httptest.NewServer)
	var err error
	s.kube, err = kubernetes.NewForConfig(s.cluster.Config)
	check(t, err)
	client, err := dynamic.NewForConfig(s.cluster.Config)
	check(t, err)
	s.syncs = client.Resource(api.Resource).Namespace("leaks")
	dir := t.TempDir()
	password := v.hide("the password of the Sync that works")
	s.fleet = append(leakyFleet(t, v, s.h), s.good(gittest.ServeHTTP(t, dir, password, func() {}), password)...)
	s.bare = filepath.Join(dir, "good.git")
	s.hooks = clustertest.FreeAddress(t)
	s.install(dir)
	controllerTo(t, s.log, "--all-namespaces", "--allow-local-networks", "--allow-local-repositories",
		"--data-dir", filepath.Join(dir, "data"), "--workers", "8",
		"--log-level", "trace", "--webhook-address", s.hooks, "--kubeconfig", s.cluster.Kubeconfig)
	return s
}

// good are Syncs whose repository can be read: one works, with a Secret in its set, and one may not write its notes.
func (s *leaks) good(server, password string) []leaky {
	credentials := func() map[string]string {
		return map[string]string{"username": "ada", "password": password,
			"secret": s.v.plain("the secret of a webhook")}
	}
	return []leaky{
		{name: "good", source: "url: " + server + "/good.git, path: good", report: "provider: Notes",
			says: `"state":"Complete"`, secrets: credentials(),
			more: "  webhook: {secretRef: {name: good}}\n"},
		{name: "deaf", source: "url: " + server + "/readonly/good.git, path: deaf", report: "provider: Notes",
			says: "report: ", secrets: credentials()},
	}
}

// install makes the Secrets, the repository and the Syncs.
func (s *leaks) install(dir string) {
	t := s.t
	repo := filepath.Join(dir, "fleet")
	check(t, os.MkdirAll(filepath.Join(repo, "good"), 0o755))
	check(t, os.MkdirAll(filepath.Join(repo, "deaf"), 0o755))
	gittest.Write(t, filepath.Join(repo, "good", "secret.yaml"),
		"apiVersion: v1\nkind: Secret\nmetadata: {name: good-set}\nstringData: {password: "+
			s.v.plain("a password in the set")+"}\n")
	gittest.Write(t, filepath.Join(repo, "deaf", "map.yaml"),
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: deaf}\n")
	syncs := map[string]string{}
	for _, l := range s.fleet {
		syncs[l.name] = l.write(t, repo)
	}
	gittest.Commit(t, repo, "agent.yaml", "") // and an agent.yaml that is empty
	gittest.Write(t, filepath.Join(repo, "good", "agent.yaml"), agent)
	gittest.Commit(t, repo, "agent.yaml", "# nothing\n")
	gittest.Run(t, dir, "clone", "-q", "--bare", repo, "good.git")
	gittest.Write(t, filepath.Join(dir, "good.yaml"), syncs["good"])
	_, err := installSync(t.Context(), s.cluster.Config, filepath.Join(dir, "good.yaml"), "")
	check(t, err)
	for _, l := range s.fleet {
		if l.secrets == nil {
			l.secrets = map[string]string{}
		}
		l.secrets["allowHTTP"] = "true" // of the servers that play the host
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: l.name}, StringData: l.secrets}
		_, err := s.kube.CoreV1().Secrets("leaks").Create(t.Context(), secret, metav1.CreateOptions{})
		check(t, err)
		u := &unstructured.Unstructured{}
		check(t, yaml.Unmarshal([]byte(syncs[l.name]), &u.Object))
		_, err = s.syncs.Apply(t.Context(), l.name, u, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
		switch {
		case l.refused != "" && err != nil && strings.Contains(err.Error(), l.refused):
			s.v.grep(t, "the API server's answer to "+l.name, err.Error())
		case l.refused != "" || err != nil:
			t.Fatalf("%s: %v", syncs[l.name], err)
		}
	}
	s.fleet = slices.DeleteFunc(s.fleet, func(l leaky) bool { return l.refused != "" })
}

// hear sends webhooks that prove nothing, and looks at the answers.
func (s *leaks) hear() {
	secret := s.secret("good", "secret")
	for _, headers := range []http.Header{
		{"X-Hub-Signature-256": {"sha256=" + secret}}, {"X-Gitlab-Token": {secret + "x"}},
		{"X-Signature-256": {secret}}, {"X-Hub-Signature-256": {"sha256=00"}},
	} {
		answer := s.until(func() (*http.Response, bool) {
			r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, "http://"+s.hooks+"/hooks/leaks/good",
				strings.NewReader(secret))
			check(s.t, err)
			r.Header = headers
			answer, err := http.DefaultClient.Do(r)
			return answer, err == nil && answer.StatusCode == http.StatusNotFound
		})
		text, err := io.ReadAll(answer.Body)
		check(s.t, err)
		s.v.grep(s.t, "the answer to a webhook", string(text))
	}
}

func (s *leaks) until(try func() (*http.Response, bool)) *http.Response {
	for end := time.Now().Add(3 * time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if answer, ok := try(); ok {
			return answer
		}
	}
	s.t.Fatal("the webhook is not refused")
	return nil
}

func (s *leaks) secret(name, key string) string {
	secret, err := s.kube.CoreV1().Secrets("leaks").Get(s.t.Context(), name, metav1.GetOptions{})
	check(s.t, err)
	return string(secret.Data[key])
}

// await waits until everything has failed, or worked, as it should.
func (s *leaks) await() {
	var missing []string
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		said := s.saidOf()
		missing = nil
		for _, l := range s.fleet {
			if !strings.Contains(said[l.name], l.says) {
				missing = append(missing, l.name+" does not say "+l.says+": "+said[l.name])
			}
		}
		if len(missing) == 0 {
			return
		}
	}
	s.t.Errorf("%d Syncs are not as they should be:\n%s", len(missing), strings.Join(missing, "\n"))
}

// saidOf is what the statuses and the log say of each Sync.
func (s *leaks) saidOf() map[string]string {
	list, err := s.syncs.List(s.t.Context(), metav1.ListOptions{})
	check(s.t, err)
	said := map[string]string{}
	for _, u := range list.Items {
		text, err := json.Marshal(u.Object["status"])
		check(s.t, err)
		said[u.GetName()] = string(text)
	}
	for line := range strings.Lines(s.h.heard()) {
		for _, l := range s.fleet {
			if strings.HasPrefix(line, "POST ") && strings.Contains(line, l.name) {
				said[l.name] += line
			}
		}
	}
	for line := range strings.Lines(s.log.String()) {
		for _, word := range strings.Fields(line) {
			if name, ok := strings.CutPrefix(word, "sync=leaks/"); ok {
				said[name] += line
			}
		}
	}
	return said
}

// drift has somebody change the Secret of the set, and waits until that is put right.
func (s *leaks) drift() {
	secrets := s.kube.CoreV1().Secrets("leaks")
	patch := `{"stringData":{"password":"` + s.v.plain("a vandal's password") + `"}}`
	before := s.secret("good-set", "password")
	_, err := secrets.Patch(s.t.Context(), "good-set", types.StrategicMergePatchType, []byte(patch),
		metav1.PatchOptions{FieldManager: "vandal"})
	check(s.t, err)
	for end := time.Now().Add(3 * time.Minute); s.secret("good-set",
		"password") != before; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Error("the drift is not corrected")
			return
		}
	}
}

// inCluster is everything that the controller has left in the cluster.
func (s *leaks) inCluster() map[string]string {
	texts := map[string]string{}
	add := func(where string, list any, err error) {
		check(s.t, err)
		text, err := json.Marshal(list)
		check(s.t, err)
		texts[where] = string(text)
	}
	events, err := s.kube.CoreV1().Events("").List(s.t.Context(), metav1.ListOptions{})
	add("an Event", events, err)
	maps, err := s.kube.CoreV1().ConfigMaps("").List(s.t.Context(), metav1.ListOptions{})
	add("a ConfigMap", maps, err)
	syncs, err := s.syncs.List(s.t.Context(), metav1.ListOptions{})
	check(s.t, err)
	for _, u := range syncs.Items {
		// What a person wrote there, a person wrote there, and kubectl once more.
		unstructured.RemoveNestedField(u.Object, "spec")
		unstructured.RemoveNestedField(u.Object, "metadata", "annotations", corev1.LastAppliedConfigAnnotation)
		add("Sync "+u.GetName(), u.Object, nil)
	}
	return texts
}

// askEverything asks every reading command about every Sync.
func (s *leaks) askEverything() {
	ask := func(args ...string) {
		r := daemongate(s.t, "", args...)
		s.v.grep(s.t, strings.Join(args[:2], " "), r.stdout+r.stderr)
	}
	place := []string{"-n", "leaks", "--kubeconfig", s.cluster.Kubeconfig}
	ask(append([]string{"get", "-A"}, place...)...)
	ask(append([]string{"get", "-o", "json"}, place...)...)
	ask(append([]string{"get", "-o", "yaml"}, place...)...)
	for _, l := range s.fleet {
		for _, command := range []string{"status", "log", "explain"} {
			ask(append([]string{command, l.name}, place...)...)
			ask(append([]string{command, l.name, "-o", "json"}, place...)...)
		}
		if _, at, ok := strings.Cut(l.source, "url: "); ok && l.name == "in-the-url" {
			ask("render", at, "--data-dir", s.t.TempDir())
		}
		if l.says == "Failed" || l.says == "invalid literal" {
			ask("render", filepath.Join(filepath.Dir(s.bare), "fleet"), "--path", l.name, "--data-dir", s.t.TempDir())
		}
	}
}

// diffOfWhatGoes compares a work tree with the Sync that works: it drops two objects and changes the Secret. The diff
// names all three, what is pruned by the Sync's inventory, and no value of the Secret.
func (s *leaks) diffOfWhatGoes() {
	repo := filepath.Join(filepath.Dir(s.bare), "fleet")
	check(s.t, os.Remove(filepath.Join(repo, "good", "agent.yaml")))
	gittest.Write(s.t, filepath.Join(repo, "good", "secret.yaml"),
		"apiVersion: v1\nkind: Secret\nmetadata: {name: good-set}\nstringData: {password: "+
			s.v.plain("the next password in the set")+"}\n")
	r := daemongate(s.t, "", "diff", repo, "--sync", "good", "--worktree", "--exit-code", "-n", "leaks", "--kubeconfig",
		s.cluster.Kubeconfig)
	s.v.grep(s.t, "diff", r.stdout+r.stderr)
	if r.code != 3 || !strings.Contains(r.stderr, "0 objects would be created, 1 changed, 2 pruned") ||
		!strings.Contains(r.stdout, "v1.Secret.leaks.good-set") ||
		!strings.Contains(r.stdout, "apps.v1.DaemonSet.leaks.agent") {
		s.t.Errorf("diff: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

// locked is a text that several write.
type locked struct {
	mu   gosync.Mutex
	text bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
