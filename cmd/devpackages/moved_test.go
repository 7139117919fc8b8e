package devpackages

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/manifests/clustertest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// The Syncs are kept in a file, as docs/operate.md says, and restored from it after their definition was deleted,
// while the pods run on: none is started anew, and no commit goes through once more. What Git has stopped asking for
// meanwhile is left. From the same file they then move to another cluster, which is brought to the head from nothing,
// and the old one lets go of what they have written.
func TestSyncsAreRestoredAndMovedAsTheDocsSay(t *testing.T) {
	t.Parallel()
	docs := commandsOf(t, "Backup and restore")
	w := newWorld(t)
	w.installs(t, "old")
	repository := filepath.Join(w.dir, "fleet")
	gittest.Commit(t, repository, "extra.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\n")
	first := w.tenant(t)
	w.runs(t)
	w.isReady(t)
	w.comesTo(t, first, api.Complete)
	head := w.pushes(t, "registry.local/agent:v2")
	w.comesTo(t, head, api.Complete)
	file := filepath.Join(w.dir, "syncs.yaml")
	check(t, os.WriteFile(file, []byte(w.kubectl(t, strings.TrimSuffix(docs[0], " > syncs.yaml"))), 0o600))
	before := w.runsOn(t)

	w.kubectl(t, "delete crd syncs.daemongate.io")
	gittest.Run(t, repository, "rm", "-q", "extra.yaml")
	gittest.Run(t, repository, "commit", "-q", "-m", "nothing extra")
	head = gittest.Run(t, repository, "rev-parse", "HEAD")
	w.installs(t, "old")
	w.applies(t, docs[1], file)
	w.comesTo(t, head, api.Complete)
	if after := w.runsOn(t); !slices.Equal(after, before) {
		t.Errorf("what ran was %q and is %q", before, after)
	}
	w.hasSeen(t, head)
	_, err := w.kube.CoreV1().ConfigMaps("platform").Get(t.Context(), "extra", metav1.GetOptions{})
	check(t, err)

	there := newWorld(t)
	there.installs(t, "new")
	there.namespace(t)
	secret := filepath.Join(w.dir, "secret.yaml")
	check(t, os.WriteFile(secret, []byte(w.kubectl(t, "get secret chat -n platform -o yaml")), 0o600))
	there.applies(t, "kubectl apply -f secret.yaml", secret)
	there.applies(t, docs[1], file)
	there.runs(t)
	there.isReady(t)
	there.comesTo(t, head, api.Complete)
	there.hasSeen(t, head)
	for _, cluster := range []string{"old", "new"} {
		clustertest.Until(t, time.Minute, "the note of cluster "+cluster, func() (string, bool) {
			notes := gittest.Run(t, repository, "for-each-ref", "refs/notes/daemongate/"+cluster)
			if notes == "" {
				return "there is none", false
			}
			note := gittest.Run(t, repository, "notes", "--ref=daemongate/"+cluster, "show", head)
			return note, strings.Contains(note, "success: Complete")
		})
	}

	w.kubectl(t, "delete syncs -A --all")
	d, err := w.kube.AppsV1().DaemonSets("platform").Get(t.Context(), "agent", metav1.GetOptions{})
	check(t, err)
	if len(d.Labels) > 0 || !slices.Equal(w.runsOn(t), before) {
		t.Errorf("the old cluster has not let go: labels %v", d.Labels)
	}
	daemongate(t, "uninstall", "--kubeconfig", w.Kubeconfig)
	_, err = w.kube.AppsV1().Deployments(system).Get(t.Context(), "daemongate", metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("the controller is still there: %v", err)
	}
}

// commandsOf are the commands of kubectl below a heading of docs/operate.md.
func commandsOf(t *testing.T, heading string) (commands []string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/operate.md")
	check(t, err)
	_, section, found := strings.Cut(string(text), "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(section, -1) {
		for line := range strings.Lines(block[1]) {
			if strings.HasPrefix(line, "kubectl ") {
				commands = append(commands, strings.TrimSpace(line))
			}
		}
	}
	if !found || len(commands) != 2 {
		t.Fatalf("docs/operate.md has the commands %q", commands)
	}
	return commands
}

// installs installs Daemongate with the program, as cluster of a name.
func (w *world) installs(t *testing.T, name string) {
	t.Helper()
	daemongate(t, "install", "--image", anyImage, "--cluster-name", name, "--kubeconfig", w.Kubeconfig)
}

// applies applies a file where the docs name another one, as soon as the API server knows its kinds.
func (w *world) applies(t *testing.T, command, file string) {
	t.Helper()
	before, _, _ := strings.Cut(command, " -f ")
	clustertest.Until(t, time.Minute, command, func() (string, bool) {
		out, err := w.tries(t, before+" -f "+file)
		return fmt.Sprint(out, err), err == nil
	})
}

// runsOn tells the agent and its pods, which are others when they are made or started anew, and the agent's generation,
// which is another one when it is written.
func (w *world) runsOn(t *testing.T) (all []string) {
	t.Helper()
	d, err := w.kube.AppsV1().DaemonSets("platform").Get(t.Context(), "agent", metav1.GetOptions{})
	check(t, err)
	pods, err := w.kube.CoreV1().Pods("platform").List(t.Context(), metav1.ListOptions{})
	check(t, err)
	for _, p := range pods.Items {
		all = append(all, fmt.Sprint("pod ", p.UID, " ", restarts(&p)))
	}
	slices.Sort(all)
	return append(all, fmt.Sprint("agent ", d.UID, " ", d.Generation))
}

func restarts(p *corev1.Pod) (all int32) {
	for _, c := range p.Status.ContainerStatuses {
		all += c.RestartCount
	}
	return all
}

// hasSeen holds that one commit alone has come through since the Sync was there.
func (w *world) hasSeen(t *testing.T, commit string) {
	t.Helper()
	for _, r := range w.status(t).History {
		if r.Commit != commit {
			t.Errorf("commit %s has come through once more: %+v", r.Commit, r)
		}
	}
}
