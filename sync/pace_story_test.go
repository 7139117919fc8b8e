package sync

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/manifests/rights"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// pacedAgent is an agent that Daemongate paces, two nodes at a time.
func pacedAgent(image, behaviour string) string {
	return strings.NewReplacer(
		"updateStrategy: {rollingUpdate: {maxUnavailable: 100%}}", "updateStrategy: {type: OnDelete, rollingUpdate: "+
			"{maxUnavailable: 2}}",
		"labels: {app: agent}}\n    spec", fmt.Sprintf("labels: {app: agent}, annotations: {%s: %q}}\n    spec",
			behaviourAnnotation, behaviour),
	).Replace(agent(image))
}

// canaries are the nodes that a paced commit reaches first.
var canaries = []string{"node-003", "node-007"}

// inStages asks for a canary, which a person approves, and then all others.
func inStages(s *api.SyncSpec) {
	s.Rollout.OnDelete = api.OnDeletePace
	s.Rollout.Pace = &api.Pace{Stages: []api.PaceStage{
		{Name: "canary", Approve: true, Nodes: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: corev1.LabelHostname, Operator: metav1.LabelSelectorOpIn, Values: canaries}}}},
	}}
}

// unapproved asks for the same without a person.
func unapproved(s *api.SyncSpec) {
	inStages(s)
	s.Rollout.Pace.Stages[0].Approve = false
}

// nodesWith are the nodes whose pod has this image and is not going, sorted.
func (w *world) nodesWith(image string) []string {
	w.t.Helper()
	pods, err := w.kube.CoreV1().Pods(w.namespace).List(w.t.Context(), metav1.ListOptions{})
	w.check(err)
	var nodes []string
	for _, p := range pods.Items {
		if p.DeletionTimestamp == nil && strings.HasSuffix(p.Spec.Containers[0].Image, ":"+image) {
			nodes = append(nodes, p.Spec.NodeName)
		}
	}
	slices.Sort(nodes)
	return nodes
}

// stage waits until the commit is in a stage and waits for something there.
func (w *world) stage(commit string, index int32, waitsFor api.StageWait) *api.FlightStage {
	w.t.Helper()
	return w.wait(fmt.Sprintf("stage %d to wait for %s", index, waitsFor), func(s api.SyncStatus) bool {
		f := s.InFlight
		return f != nil && f.Commit == commit && f.Stage != nil && f.Stage.Index == index && f.Stage.WaitsFor == waitsFor
	}).InFlight.Stage
}

// A paced commit reaches the canary nodes and no others before a person has approved of it, whatever becomes of the
// process, and never takes more nodes down at once than the DaemonSet allows.
func TestAPacedCommitGoesStageByStage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"agent.yaml": pacedAgent("v1", "")})
	w.create(inStages)
	p := w.process()
	w.waitFor(v1, api.Complete)
	cover := w.watchCoverage()
	v2 := w.push("v2", map[string]string{"agent.yaml": pacedAgent("v2", "")})
	w.stage(v2, 1, api.StageApproval)
	if on := w.nodesWith("v2"); !slices.Equal(on, canaries) {
		t.Errorf("before the approval it is on %v", on)
	}
	p.kill()
	p = w.process()
	w.check(w.syncs.Promote(t.Context(), w.namespace, "agents", v2, 2, time.Now())) // another stage
	w.wait("a turn after the restart", func(s api.SyncStatus) bool {
		return s.InFlight.Stage.WaitsFor == api.StageApproval && s.InFlight.Stage.Settled == 2
	})
	if on := w.nodesWith("v2"); !slices.Equal(on, canaries) {
		t.Errorf("after a restart it is on %v", on)
	}
	w.check(w.syncs.Promote(t.Context(), w.namespace, "agents", v2, 1, time.Now()))
	w.wait("nodes of the rest", func(api.SyncStatus) bool { return len(w.nodesWith("v2")) > 4 })
	p.kill()
	p = w.process()
	w.waitFor(v2, api.Complete)
	p.kill()
	if bare, _ := cover.now(); bare > 2 {
		t.Errorf("%d nodes were without a Ready pod at once", bare)
	}
}

// Two who look after a Sync at once, as two leaders would for a moment, take no more nodes down than one may, nor any of a
// later stage: each decides by its own looks, which are not those of the other, and neither knows what the other evicted.
func TestTwoLeadersTakeDownWhatOneMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"agent.yaml": pacedAgent("v1", "")})
	w.create(inStages)
	for range 2 {
		w.controller(shared.Config, t.TempDir())
	}
	w.waitFor(v1, api.Complete)
	cover := w.watchCoverage()
	v2 := w.push("v2", map[string]string{"agent.yaml": pacedAgent("v2", "")})
	w.stage(v2, 1, api.StageApproval)
	if on := w.nodesWith("v2"); !slices.Equal(on, canaries) {
		t.Errorf("before the approval it is on %v", on)
	}
	w.check(w.syncs.Promote(t.Context(), w.namespace, "agents", v2, 1, time.Now()))
	w.waitFor(v2, api.Complete)
	if bare, _ := cover.now(); bare > 2 {
		t.Errorf("%d nodes were without a Ready pod at once", bare)
	}
}

// A broken commit is lost on its canary nodes and on no others. The fix reaches those first.
func TestABrokenCommitIsLostOnItsCanaries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"agent.yaml": pacedAgent("v1", "")})
	w.create(inStages)
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	bad := w.push("broken", map[string]string{"agent.yaml": pacedAgent("v2", "crash")})
	if r := w.waitFor(bad, api.Stuck); !strings.Contains(r.Message.Private, "CrashLoop") {
		t.Errorf("stuck by %q", r.Message.Private)
	}
	for _, node := range w.nodesWith("v2") {
		if !slices.Contains(canaries, node) {
			t.Errorf("it reached %s", node)
		}
	}
	fix := w.push("fix", map[string]string{"agent.yaml": pacedAgent("v3", "")})
	w.stage(fix, 1, api.StageApproval)
	if on := w.nodesWith("v3"); !slices.Equal(on, canaries) {
		t.Errorf("the fix is on %v", on)
	}
	w.check(w.syncs.Promote(t.Context(), w.namespace, "agents", fix, 1, time.Now()))
	w.waitFor(fix, api.Complete)
}

// A person's pause has no pod go, whatever becomes of the process, until it is lifted.
func TestAPauseOutlivesARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"agent.yaml": pacedAgent("v1", "")})
	w.create(unapproved)
	stop := w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	w.check(w.syncs.Pause(t.Context(), w.namespace, "agents", api.Pause{Reason: "the fair", By: "ann",
		At: metav1.Now()}))
	v2 := w.push("v2", map[string]string{"agent.yaml": pacedAgent("v2", "")})
	if st := w.stage(v2, 1, api.StagePaused); !strings.Contains(st.Message, "by ann") ||
		!strings.Contains(st.Message, "the fair") {
		t.Errorf("it says %q", st.Message)
	}
	stop()
	w.controller(shared.Config, t.TempDir())
	again := w.push("also", map[string]string{"other.yaml": configMap("a", "1")})
	w.waitFor(again, api.Held) // so it has had turns
	if on := w.nodesWith("v2"); len(on) > 0 {
		t.Errorf("while it is paused it reached %v", on)
	}
	changed, err := w.syncs.Unpause(t.Context(), w.namespace, "agents")
	if w.check(err); !changed {
		t.Error("it was not paused")
	}
	w.waitFor(v2, api.Complete)
}

// ofAccount writes with the rights of ServiceAccount deployer of the world's namespace.
type ofAccount struct {
	Connections
	config *rest.Config
	as     string
}

func (k *ofAccount) Writer(*api.Sync) (Writer, error) {
	config := rest.CopyConfig(k.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: k.as}
	return manifests.NewClient(config)
}

// grants gives ServiceAccount deployer a Role with these rules.
func (w *world) grants(name string, rules ...rbacv1.PolicyRule) {
	w.t.Helper()
	of := metav1.ObjectMeta{Name: name}
	_, err := w.kube.RbacV1().Roles(w.namespace).Create(w.t.Context(), &rbacv1.Role{ObjectMeta: of, Rules: rules},
		metav1.CreateOptions{})
	w.check(err)
	_, err = w.kube.RbacV1().RoleBindings(w.namespace).Create(w.t.Context(), &rbacv1.RoleBinding{ObjectMeta: of,
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: w.namespace, Name: "deployer"}}},
		metav1.CreateOptions{})
	w.check(err)
}

// Rights that are missing to evict are told at once, with whose they are and what grants them, and are what the commit is
// Stuck by, no pod having gone; when they are granted it goes on by itself. A PodDisruptionBudget that selects the pods is
// asked, and its refusal is told.
func TestAPodDisruptionBudgetIsAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"agent.yaml": pacedAgent("v1", "")})
	w.create(unapproved)
	budgets := w.kube.PolicyV1().PodDisruptionBudgets(w.namespace)
	_, err := budgets.Create(t.Context(), &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: "all"},
		Spec: policyv1.PodDisruptionBudgetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{
			"app": "agent"}}, MinAvailable: new(intstr.FromInt32(12))}}, metav1.CreateOptions{})
	w.check(err)
	all := []string{"get", "list", "watch", "create", "patch", "delete"}
	w.grants("writes", rbacv1.PolicyRule{APIGroups: []string{"apps"}, Resources: []string{"daemonsets"}, Verbs: all})
	c := w.newController(w.namespace, shared.Config, t.TempDir())
	c.Connect = &ofAccount{c.Connect, shared.Config, rights.User(w.namespace, "deployer")}
	w.start(c)
	w.waitFor(v1, api.Complete)
	v2 := w.push("v2", map[string]string{"agent.yaml": pacedAgent("v2", "")})
	lack := "ServiceAccount " + w.namespace + "/deployer lacks get on pods and create on pods/eviction in namespace " +
		w.namespace
	if st := w.stage(v2, 1, api.StageRights); !strings.Contains(st.Message, lack) {
		t.Errorf("it says %q", st.Message)
	}
	w.told(v2, "stage 1 of 2, waits for the right to evict pods")
	w.deadline("1s") // which the cause does not wait for longer than
	w.says(v2, api.Stuck, "EvictionForbidden: old pods may not be evicted: "+lack)
	w.told(v2, "EvictionForbidden: old pods may not be evicted, for want of rights")
	if f := w.status().InFlight; !strings.Contains(f.Causes[0].Remedy, "--verb=create --resource=pods/eviction") {
		t.Errorf("%+v", f.Causes)
	}
	w.deadline("5m")
	w.grants("daemongate-pace", rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: all[:1]},
		rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"pods/eviction"}, Verbs: []string{"create"}})
	if st := w.stage(v2, 1, api.StageBudget); !strings.Contains(st.Message, "all") {
		t.Errorf("it says %q", st.Message)
	}
	if on := w.nodesWith("v2"); len(on) > 0 {
		t.Errorf("against the budget it reached %v", on)
	}
	w.check(budgets.Delete(t.Context(), "all", metav1.DeleteOptions{}))
	w.waitFor(v2, api.Complete)
}

// What cannot be paced as the Sync asks for is refused before the first write, and what to do is said.
func TestWhatCannotBePacedIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create(inStages)
	w.controller(shared.Config, t.TempDir())
	surging := w.push("surging", map[string]string{"agent.yaml": strings.Replace(pacedAgent("v1", ""),
		"{maxUnavailable: 2}", "{maxUnavailable: 0, maxSurge: 10%}", 1)})
	if r := w.waitFor(surging, api.Failed); !strings.Contains(r.Message.Private, "allowGap") {
		t.Errorf("it says %q", r.Message.Private)
	}
	v1 := w.push("v1", map[string]string{"agent.yaml": pacedAgent("v1", "")})
	w.waitFor(v1, api.Complete)
}
