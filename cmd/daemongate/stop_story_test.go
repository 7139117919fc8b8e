package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/manifests/clustertest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// A controller that may not read the stop switch does nothing until it may. Then, while a rollout runs, somebody who may
// turns the switch on, and nobody else can. From then on nothing is applied and nothing corrected, of no Sync, whatever is
// pushed; what is in flight is judged to its end. It is so of Syncs that are made later, and under another controller,
// that has not seen the switch being turned, and nobody is told twice. When it is turned off all go on, but for the one
// that was suspended by its name.
func TestTheStopSwitch(t *testing.T) {
	t.Parallel()
	w := newStopWorld(t)
	w.mayRead(false)
	first := w.starts("first")
	w.sync("other", "other", "")
	w.sync("still", "still", "suspend: true")
	w.waitSuspended("other", "StopSwitchUnread")
	if got := w.generation("agent-other"); got != 0 {
		t.Error("something was applied before it was known whether it may be")
	}
	w.mayRead(true)
	w.waitComplete("other")
	v1 := w.push("agents", "v1", "go")
	w.sync("agents", "agents", "")
	w.waitSync("agents", "rolls out", func(s *api.Sync) bool {
		return s.Status.InFlight != nil && s.Status.InFlight.State == api.RollingOut
	})

	tenant := w.stops()
	turned := time.Now()
	v2 := w.push("other", "v2", "")
	w.patchAgent("agent-other", `{"metadata":{"annotations":{"hand":"made"}},"spec":{"minReadySeconds":1}}`)
	_, err := w.kube.CoreV1().ConfigMaps(w.namespace).Create(t.Context(),
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "go"}}, metav1.CreateOptions{})
	check(t, err)
	w.toldOnEach(turned, "agents", "other")
	w.waitSync("agents", "is judged to its end", func(s *api.Sync) bool { return s.Status.LastComplete == v1 })
	w.sync("later", "later", "")
	w.waitSuspended("later", "StoppedForAll")
	w.saysSuspended()

	check(t, first.process.Signal(os.Interrupt))
	<-first.ended
	second := w.starts("second")
	w.sync("last", "last", "")
	w.waitSuspended("last", "StoppedForAll")
	w.waitSuspended("still", "StoppedForAll")
	w.nothingWasWritten()

	if r := daemongate(t, "", "resume", "--all", "--kubeconfig", tenant); r.code != 0 {
		t.Fatalf("resume --all: exit code %d, %s", r.code, r.stderr)
	}
	for _, name := range []string{"later", "last", "other"} {
		s := w.waitComplete(name)
		if meta.IsStatusConditionTrue(s.Status.Conditions, api.ConditionSuspended) {
			t.Errorf("%s is suspended", name)
		}
		w.waitEvent(name, "Resumed", "the suspension of all Syncs was lifted at ")
	}
	w.waitSuspended("still", "Suspended")
	if got := w.generation("agent-still"); got != 0 {
		t.Errorf("the Sync that is suspended by its name has applied something")
	}
	if n := w.events("agents", "Suspended"); n != 1 {
		t.Errorf("told %d times that it is suspended", n)
	}
	w.waitSync("other", "is at what was pushed meanwhile", func(s *api.Sync) bool { return s.Status.LastComplete == v2 })
	check(t, second.process.Signal(os.Interrupt))
}

// stops turns the switch on, as a tenant who may not, and once that one may. It returns the tenant's kubeconfig.
func (w *stopWorld) stops() (tenant string) {
	w.t.Helper()
	tenant = w.tokenOf("deployer")
	if r := daemongate(w.t, "", "suspend", "--all", "--kubeconfig", tenant); r.code != 1 ||
		!strings.Contains(r.stderr, "daemongate-suspended") || !strings.Contains(r.stderr, "Role daemongate-stop") {
		w.t.Errorf("a tenant who turns the switch: exit code %d, %s", r.code, r.stderr)
	}
	w.mayTurn("deployer")
	clustertest.Until(w.t, time.Minute, "who may to turn the switch on", func() (string, bool) {
		r := daemongate(w.t, "", "suspend", "--all", "--reason", "incident 4711", "--kubeconfig", tenant)
		return r.stderr, r.code == 0
	})
	return tenant
}

// toldOnEach holds that Syncs say soon who has suspended them, and why.
func (w *stopWorld) toldOnEach(turned time.Time, names ...string) {
	w.t.Helper()
	why := "all Syncs are suspended since "
	for _, name := range names {
		s := w.waitSuspended(name, "StoppedForAll")
		c := meta.FindStatusCondition(s.Status.Conditions, api.ConditionSuspended)
		if !strings.Contains(c.Message, why) || !strings.Contains(c.Message, "says to be system:serviceaccount:"+w.namespace+
			":deployer (field manager daemongate): incident 4711") {
			w.t.Errorf("%s is suspended: %s", name, c.Message)
		}
		if late := c.LastTransitionTime.Sub(turned); late > 3*time.Minute {
			w.t.Errorf("%s was suspended %s after the switch was turned", name, late)
		}
		w.waitEvent(name, "Suspended", why)
	}
}

// nothingWasWritten holds that each DaemonSet is as it was when the switch was turned on, but for what a person did.
func (w *stopWorld) nothingWasWritten() {
	w.t.Helper()
	for name, want := range map[string]int64{"agent-agents": 1, "agent-other": 2, "agent-later": 0, "agent-last": 0} {
		if got := w.generation(name); got != want { // the second one of the other is the hand's
			w.t.Errorf("DaemonSet %s has generation %d, want %d", name, got, want)
		}
	}
}

// stopWorld is a cluster with an installed controller and a tenant with several Syncs.
type stopWorld struct{ *leaseWorld }

func newStopWorld(t *testing.T) *stopWorld {
	t.Helper()
	cluster := clustertest.Start(t, clustertest.Options{Nodes: 2})
	w := &stopWorld{newLeaseWorldOn(t, cluster, "platform")}
	installs(t, cluster)
	deployer(t, w.kube, w.namespace)
	for _, name := range []string{"other", "still", "later", "last"} {
		w.push(name, "v1", "")
	}
	return w
}

// starts starts a controller as it is installed.
func (w *stopWorld) starts(name string) *member {
	w.t.Helper()
	return w.run(name, append(installedArgs(w.t, w.kube), "--allow-local-repositories", "--kubeconfig",
		tokenConfig(w.t, w.cluster, w.kube, w.dir))...)
}

// push commits a version of an agent that does not start before a ConfigMap is there, if one is named.
func (w *stopWorld) push(name, version, needs string) string {
	w.t.Helper()
	if needs != "" {
		needs = ", envFrom: [{configMapRef: {name: " + needs + "}}]"
	}
	return gittest.Commit(w.t, filepath.Join(w.dir, name), "agent.yaml", `apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent-`+name+`}
spec:
  selector: {matchLabels: {app: `+name+`}}
  minReadySeconds: 0
  template:
    metadata: {labels: {app: `+name+`}}
    spec: {terminationGracePeriodSeconds: 0, containers: [{name: agent, image: "registry.local/agent:`+version+`"`+needs+`}]}
`)
}

// sync makes a Sync of a repository.
func (w *stopWorld) sync(name, repository, more string) {
	w.t.Helper()
	file := filepath.Join(w.dir, name+".yaml")
	gittest.Write(w.t, file, `apiVersion: daemongate.io/v1alpha1
kind: Sync
metadata: {name: `+name+`, namespace: `+w.namespace+`}
spec:
  source: {url: `+filepath.Join(w.dir, repository)+`, interval: 1s}
  rollout: {settle: 1s, proof: 0s, after: {ConfigError: 20m}}
  apply: {serviceAccountName: deployer}
  `+more+`
`)
	_, err := installSync(w.t.Context(), w.cluster.Config, file, "")
	check(w.t, err)
}

func (w *stopWorld) waitSync(name, what string, is func(*api.Sync) bool) (s *api.Sync) {
	w.t.Helper()
	clustertest.Until(w.t, 3*time.Minute, "Sync "+name+" "+what, func() (string, bool) {
		var err error
		s, err = w.syncs.Get(w.t.Context(), w.namespace, name)
		check(w.t, err)
		return fmt.Sprintf("%+v %+v", s.Status.Summary, s.Status.Conditions), is(s)
	})
	return s
}

func (w *stopWorld) waitSuspended(name, reason string) *api.Sync {
	w.t.Helper()
	return w.waitSync(name, "is suspended: "+reason, func(s *api.Sync) bool {
		c := meta.FindStatusCondition(s.Status.Conditions, api.ConditionSuspended)
		return c != nil && c.Status == metav1.ConditionTrue && c.Reason == reason
	})
}

// events is how often an Event was told of a Sync.
func (w *stopWorld) events(name, reason string) (n int32) {
	w.t.Helper()
	for _, e := range w.eventsOf(name, reason) {
		n += max(e.Count, 1)
	}
	return n
}

func (w *stopWorld) eventsOf(name, reason string) []corev1.Event {
	w.t.Helper()
	list, err := w.kube.CoreV1().Events(w.namespace).List(w.t.Context(), metav1.ListOptions{
		FieldSelector: "involvedObject.kind=Sync,involvedObject.name=" + name + ",reason=" + reason})
	check(w.t, err)
	return list.Items
}

func (w *stopWorld) waitEvent(name, reason, says string) {
	w.t.Helper()
	clustertest.Until(w.t, time.Minute, reason+" of "+name, func() (string, bool) {
		list := w.eventsOf(name, reason)
		return fmt.Sprint(list), slices.ContainsFunc(list, func(e corev1.Event) bool { return strings.Contains(e.Message, says) })
	})
}

// generation is that of a DaemonSet, 0 if there is none.
func (w *stopWorld) generation(name string) int64 {
	w.t.Helper()
	list, err := w.kube.AppsV1().DaemonSets(w.namespace).List(w.t.Context(),
		metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	check(w.t, err)
	for _, d := range list.Items {
		return d.Generation
	}
	return 0
}

func (w *stopWorld) patchAgent(name, patch string) {
	w.t.Helper()
	_, err := w.kube.AppsV1().DaemonSets(w.namespace).Patch(w.t.Context(), name, types.MergePatchType, []byte(patch),
		metav1.PatchOptions{FieldManager: "kubectl-edit"})
	check(w.t, err)
}

// waitComplete waits until a Sync has nothing more to apply.
func (w *stopWorld) waitComplete(name string) *api.Sync {
	w.t.Helper()
	return w.waitSync(name, "is Complete", func(s *api.Sync) bool {
		return s.Status.Summary.State == api.Complete && s.Status.Head == s.Status.LastComplete
	})
}

// tokenOf is a kubeconfig of a ServiceAccount of the tenant's.
func (w *stopWorld) tokenOf(account string) string {
	w.t.Helper()
	return accountConfig(w.t, w.cluster, w.kube, w.namespace, account, filepath.Join(w.dir, account))
}

// saysSuspended holds that the commands say what the switch says.
func (w *stopWorld) saysSuspended() {
	w.t.Helper()
	const why = "all Syncs are suspended since "
	for _, c := range []struct {
		args           string
		code           int
		stdout, stderr string
	}{
		{"sync other", 1, "", "Sync platform/other: is suspended, so nothing is polled or applied: " + why},
		{"get", 0, "suspended with all Syncs", why},
		{"status other", 0, "suspended: " + why, ""},
		{"resume still", 0, why, ""},
		{"suspend still", 0, "", ""},
	} {
		r := daemongate(w.t, "", append(strings.Fields(c.args), "-n", w.namespace, "--kubeconfig", w.cluster.Kubeconfig)...)
		if r.code != c.code || !strings.Contains(r.stdout, c.stdout) || !strings.Contains(r.stderr, c.stderr) {
			w.t.Errorf("%s: exit code %d\n%s%s", c.args, r.code, r.stdout, r.stderr)
		}
	}
	if r := daemongate(w.t, "", "suspend", "--all", "--kubeconfig", w.cluster.Kubeconfig); r.code != 0 ||
		!strings.Contains(r.stdout, "nothing changed: "+why) {
		w.t.Errorf("suspend --all once more: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

// mayRead lets the controller read the switch, or takes that right from it.
func (w *stopWorld) mayRead(may bool) {
	w.t.Helper()
	roles := w.kube.RbacV1().Roles("daemongate-system")
	role, err := roles.Get(w.t.Context(), "daemongate", metav1.GetOptions{})
	check(w.t, err)
	for i, rule := range role.Rules {
		if rule.Resources[0] == "configmaps" {
			role.Rules[i].Verbs = map[bool][]string{true: {"get", "list", "watch"}, false: {"delete"}}[may]
		}
	}
	_, err = roles.Update(w.t.Context(), role, metav1.UpdateOptions{})
	check(w.t, err)
}

// mayTurn binds the Role of who may turn the switch to a ServiceAccount.
func (w *stopWorld) mayTurn(account string) {
	w.t.Helper()
	_, err := w.kube.RbacV1().RoleBindings("daemongate-system").Create(w.t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "stop"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "daemongate-stop"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: account, Namespace: w.namespace}},
	}, metav1.CreateOptions{})
	check(w.t, err)
}
