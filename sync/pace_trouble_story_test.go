package sync

import (
	"io"
	"net/http"
	"slices"
	"strings"
	gosync "sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/stop"
)

// lossy is a connection on which the answers to the first evictions are lost, though the API server has done them.
type lossy struct {
	mu        gosync.Mutex
	lose      int
	evictions map[string]int // by pod
}

func (l *lossy) connection() *rest.Config {
	config := rest.CopyConfig(shared.Config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/eviction") {
				return next.RoundTrip(r)
			}
			response, err := next.RoundTrip(r)
			l.mu.Lock()
			defer l.mu.Unlock()
			if err == nil && response.StatusCode < 300 {
				l.evictions[r.URL.Path]++
			}
			if l.lose--; l.lose < 0 || err != nil {
				return response, err
			}
			_ = response.Body.Close()
			return nil, io.ErrUnexpectedEOF
		})
	})
	return config
}

// podsWith are the nodes on which a DaemonSet's pods have this image and are not going, sorted.
func (w *world) podsWith(app, image string) (nodes []string) {
	w.t.Helper()
	pods, err := w.kube.CoreV1().Pods(w.namespace).List(w.t.Context(), metav1.ListOptions{LabelSelector: "app=" + app})
	w.check(err)
	for _, p := range pods.Items {
		if p.DeletionTimestamp == nil && strings.HasSuffix(p.Spec.Containers[0].Image, ":"+image) {
			nodes = append(nodes, p.Spec.NodeName)
		}
	}
	slices.Sort(nodes)
	return nodes
}

// Two DaemonSets of one Sync, of which one asks for RollingUpdate, go through their stages together. Answers to evictions
// that are lost have no pod go twice, a plan that is edited in the middle is gone through from its first stage on, and
// while the stop switch is on no further pod goes.
func TestTwoDaemonSetsGoStageByStageThroughTrouble(t *testing.T) { //nolint:gocyclo // one story
	t.Parallel()
	w := newWorld(t)
	files := func(image string) map[string]string {
		return map[string]string{"agent.yaml": rollingAgent(image, ""),
			"other.yaml": strings.NewReplacer("app: agent", "app: other", "name: agent}\nspec", "name: other}\nspec").Replace(
				pacedAgent(image, ""))}
	}
	l := &lossy{lose: 3, evictions: map[string]int{}}
	c := w.newController(w.namespace, l.connection(), t.TempDir())
	off := stop.New(must(kubernetes.NewForConfig(shared.Config)).CoreV1(), w.namespace, "daemongate")
	c.Syncs.Stop = off
	v1 := w.push("v1", files("v1"))
	w.create(inStages)
	w.start(c)
	w.waitFor(v1, api.Complete)

	v2 := w.push("v2", files("v2"))
	w.stage(v2, 1, api.StageApproval)
	for _, app := range []string{"agent", "other"} {
		if on := w.podsWith(app, "v2"); !slices.Equal(on, canaries) {
			t.Errorf("before the approval %s is on %v", app, on)
		}
	}
	more := append(slices.Clone(canaries), "node-005")
	slices.Sort(more)
	w.patch(`{"spec":{"rollout":{"pace":{"stages":[{"name":"more","approve":true,"nodes":{"matchExpressions":[` +
		`{"key":"kubernetes.io/hostname","operator":"In","values":["` + strings.Join(more, `","`) + `"]}]}}]}}}}`)
	w.wait("the stage of the other plan", func(s api.SyncStatus) bool {
		st := s.InFlight.Stage
		return st != nil && st.Name == "more" && st.WaitsFor == api.StageApproval && st.Settled == 3
	})
	for _, app := range []string{"agent", "other"} {
		if on := w.podsWith(app, "v2"); !slices.Equal(on, more) {
			t.Errorf("by the other plan %s is on %v", app, on)
		}
	}

	w.check(w.syncs.Promote(t.Context(), w.namespace, "agents", v2, 1, time.Now()))
	w.wait("nodes of the rest", func(api.SyncStatus) bool { return len(w.podsWith("other", "v2")) > 4 })
	_, _, err := off.Turn(t.Context(), true, "ann", "the fair")
	w.check(err)
	w.wait("the switch to be seen", func(s api.SyncStatus) bool {
		st := s.InFlight.Stage
		return st != nil && st.WaitsFor == api.StagePaused && strings.Contains(st.Message, "suspended")
	})
	l.mu.Lock()
	evicted := len(l.evictions)
	l.mu.Unlock()
	w.until("pods on all nodes", func() bool { return len(w.podsByApp("agent")) == 12 && len(w.podsByApp("other")) == 12 })
	l.mu.Lock()
	if now := len(l.evictions); now != evicted {
		t.Errorf("while the switch is on %d pods went", now-evicted)
	}
	l.mu.Unlock()
	_, _, err = off.Turn(t.Context(), false, "ann", "")
	w.check(err)
	w.waitFor(v2, api.Complete)
	w.wantStrategy("", "")
	l.mu.Lock()
	defer l.mu.Unlock()
	for path, n := range l.evictions {
		if n > 1 {
			t.Errorf("%s was done %d times", path, n)
		}
	}
	if l.lose >= 0 || len(l.evictions) != 24 {
		t.Errorf("%d pods were evicted of 24, %d answers are left to be lost", len(l.evictions), l.lose)
	}
}

// podsByApp are the nodes with a pod of a DaemonSet that is not going.
func (w *world) podsByApp(app string) []string {
	w.t.Helper()
	return append(w.podsWith(app, "v1"), w.podsWith(app, "v2")...)
}

// keepsOnDelete has an admission policy refuse that a DaemonSet gets RollingUpdate back, but not in a dry run.
func (w *world) keepsOnDelete() (lift func()) {
	w.t.Helper()
	lift = w.allowsUpdates("request.dryRun || oldObject.spec.updateStrategy.type != 'OnDelete' || "+
		"object.spec.updateStrategy.type == 'OnDelete'", "strategies are kept here")
	labels := map[string]string{"app": "probe"}
	probe := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "probe"}, Spec: appsv1.DaemonSetSpec{
		Selector: &metav1.LabelSelector{MatchLabels: labels}, UpdateStrategy: appsv1.DaemonSetUpdateStrategy{
			Type: appsv1.OnDeleteDaemonSetStrategyType},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{
			NodeSelector: map[string]string{"nowhere": "probe"},
			Containers:   []corev1.Container{{Name: "probe", Image: "registry.local/agent:v1"}}}}}}
	sets := w.kube.AppsV1().DaemonSets(w.namespace)
	_, err := sets.Create(w.t.Context(), probe, metav1.CreateOptions{})
	w.check(err)
	w.until("the policy", func() bool { // a DaemonSet is given RollingUpdate and OnDelete until it is refused
		for _, kind := range []string{"RollingUpdate", "OnDelete"} {
			patch := []byte(`{"spec":{"updateStrategy":{"type":"` + kind + `","rollingUpdate":null}}}`)
			if _, err = sets.Patch(w.t.Context(), "probe", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
				break
			}
		}
		return err != nil && strings.Contains(err.Error(), "strategies are kept here")
	})
	return lift
}

// A canary that never becomes Ready is held to the deadline also when the window has closed meanwhile, and nobody else
// gets the commit. An update strategy that cannot be given back makes the commit Stuck with the refusal; the next one
// goes, stage by stage, and the strategy comes back when it may.
func TestAPacedCommitThatCannotEndIsToldWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"agent.yaml": rollingAgent("v1", "")})
	w.create(inStages)
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	bad := w.push("never ready", map[string]string{"agent.yaml": rollingAgent("v2", "never-ready")})
	w.wait("the canaries to have it", func(api.SyncStatus) bool { return slices.Equal(w.nodesWith("v2"), canaries) })
	w.patch(`{"spec":{"windows":[{"allow":"0 0 29 2 *","duration":"1m"}]}}`)
	// A deadline of seconds is for what cannot end: on a busy machine what is well would miss it, too.
	deadline := func(d string) { w.patch(`{"spec":{"gate":{"progressDeadline":"` + d + `"}}}`) }
	deadline("10s")
	w.waitFor(bad, api.Stuck)
	if on := w.nodesWith("v2"); !slices.Equal(on, canaries) {
		t.Errorf("it is on %v", on)
	}
	w.patch(`{"spec":{"windows":null}}`)
	deadline("5m")

	v3 := w.push("v3", map[string]string{"agent.yaml": rollingAgent("v3", "")})
	w.stage(v3, 1, api.StageApproval)
	lift := w.keepsOnDelete()
	w.check(w.syncs.Promote(t.Context(), w.namespace, "agents", v3, 1, time.Now()))
	w.wait("all to have settled", func(s api.SyncStatus) bool {
		return s.InFlight.Commit == v3 && s.InFlight.Nodes.Desired > 0 && s.InFlight.Nodes.Settled == s.InFlight.Nodes.Desired
	})
	deadline("10s")
	w.says(v3, api.Stuck, "StrategyKept")
	if f := w.status().InFlight; f.Commit == v3 && !strings.Contains(f.Causes[0].Message, "strategies are kept here") {
		t.Errorf("%+v", f.Causes)
	}
	deadline("5m")
	v4 := w.push("v4", map[string]string{"agent.yaml": rollingAgent("v4", "")})
	w.stage(v4, 1, api.StageApproval)
	if on := w.nodesWith("v4"); !slices.Equal(on, canaries) {
		t.Errorf("the next one is on %v", on)
	}
	lift()
	w.check(w.syncs.Promote(t.Context(), w.namespace, "agents", v4, 1, time.Now()))
	w.waitFor(v4, api.Complete)
	w.wantStrategy("", "")
}
