package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/observe"
)

// plainAgent is a DaemonSet that no Sync knows, as somebody's pipeline applies it: without minReadySeconds.
func plainAgent(name, behaviour string) *appsv1.DaemonSet {
	labels := map[string]string{"app": name}
	return &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "logging", Labels: map[string]string{"team": "platform"}},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels,
					Annotations: map[string]string{"devcluster.daemongate.io/behaviour": behaviour}},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "agent", Image: "registry.local/" + name +
					":v1"}}},
			},
		},
	}
}

// logging has two DaemonSets on three nodes, of which one is well and one has crashed on each of them, and somebody who
// may read this namespace and nothing else.
func logging(t *testing.T) (admin, reader string) {
	t.Helper()
	cluster := shared.Start(t)
	kube, err := kubernetes.NewForConfig(cluster.Config)
	check(t, err)
	ctx := t.Context()
	_, err = kube.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "logging"}},
		metav1.CreateOptions{})
	check(t, err)
	for name, behaviour := range map[string]string{"good": "", "bad": "crash"} {
		_, err = kube.AppsV1().DaemonSets("logging").Create(ctx, plainAgent(name, behaviour), metav1.CreateOptions{})
		check(t, err)
	}
	clustertest.Until(t, 3*time.Minute, "bad to crash on every node", func() (string, bool) {
		pods, err := kube.CoreV1().Pods("logging").List(ctx, metav1.ListOptions{LabelSelector: "app=bad"})
		check(t, err)
		crashed := 0
		for _, p := range pods.Items {
			for _, c := range p.Status.ContainerStatuses {
				if c.State.Terminated != nil || c.LastTerminationState.Terminated != nil {
					crashed++
				}
			}
		}
		return fmt.Sprintf("%d of %d pods", crashed, len(pods.Items)), crashed == 3
	})
	return cluster.Kubeconfig, mayRead(t, cluster.Kubeconfig, "ada", "pods", "daemonsets", "controllerrevisions")
}

// mayRead lets somebody read some kinds of the namespace and nothing else, and returns their kubeconfig.
func mayRead(t *testing.T, admin, who string, kinds ...string) (kubeconfig string) {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", admin)
	check(t, err)
	kube, err := kubernetes.NewForConfig(config)
	check(t, err)
	_, err = kube.RbacV1().Roles("logging").Create(t.Context(), &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: who},
		Rules: []rbacv1.PolicyRule{{APIGroups: []string{"", "apps"}, Resources: kinds,
			Verbs: []string{"get", "list", "watch"}}}}, metav1.CreateOptions{})
	check(t, err)
	_, err = kube.RbacV1().RoleBindings("logging").Create(t.Context(),
		&rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: who},
			RoleRef:  rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "Role", Name: who},
			Subjects: []rbacv1.Subject{{Kind: "User", Name: who}}}, metav1.CreateOptions{})
	check(t, err)
	return actingAs(t, admin, who)
}

// actingAs is a kubeconfig of somebody else.
func actingAs(t *testing.T, admin, who string) (kubeconfig string) {
	t.Helper()
	config, err := clientcmd.LoadFromFile(admin)
	check(t, err)
	for _, user := range config.AuthInfos {
		user.Impersonate = who
	}
	kubeconfig = t.TempDir() + "/" + who + ".yaml"
	check(t, clientcmd.WriteToFile(*config, kubeconfig))
	return kubeconfig
}

// asked is a command line about live DaemonSets, who calls it, and what comes of it.
type asked struct {
	kubeconfig, args string
	code             int
	says             []string // in either output; with a ! before it, not
}

func (a asked) run(t *testing.T) result {
	t.Helper()
	return daemongate(t, "", append(strings.Fields(a.args), "-n", "logging", "--kubeconfig", a.kubeconfig)...)
}

// ask calls the command and holds its answer against what is expected.
func (a asked) ask(t *testing.T) {
	t.Helper()
	r := a.run(t)
	if r.code != a.code {
		t.Errorf("%s: exit code %d\n%s%s", a.args, r.code, r.stdout, r.stderr)
	}
	for _, want := range a.says {
		if not, unwanted := strings.CutPrefix(want, "!"); strings.Contains(r.stdout+r.stderr, not) == unwanted {
			t.Errorf("%s: %q\n%s%s", a.args, want, r.stdout, r.stderr)
		}
	}
}

// Whoever may read one namespace learns, without an installation and without a Sync, which rollouts are complete and
// what ails the others: a crash loop is never called rolled out, whatever the DaemonSet's own counters say.
func TestLiveDaemonSetsAreJudgedWithoutASync(t *testing.T) {
	t.Parallel()
	admin, reader := logging(t)
	nobody := actingAs(t, admin, "eve")
	listed := mayRead(t, admin, "lena", "daemonsets")
	for _, a := range []asked{
		{admin, "rollout status ds/good --proof 2s --settle 1s --timeout 3m", 0,
			[]string{`daemon set "good" successfully rolled out`}},
		{admin, "rollout status daemonset/bad --timeout 3m", 3, []string{"CrashLoop", "node-[001-003]", "do:",
			"logs bad-"}},
		{admin, "rollout status daemonset bad -w=true", 3, []string{"CrashLoop"}},
		{reader, "explain nothing", 1, []string{"Sync logging/nothing", "if nothing is a DaemonSet, write ds/nothing"}},
		{reader, "rollout status ds/good --proof 2s --settle 1s --timeout 3m", 0, []string{"judged without nodes, events",
			`daemon set "good" successfully rolled out`, "!Waiting for the API server", "!answers again"}},
		{nobody, "rollout status ds/good", 1, []string{"DaemonSet logging/good", "forbidden"}},
		{listed, "rollout status ds/good", 1, []string{"cannot be judged without the right", "watch pods in namespace logging"}},
		{listed, "explain ds/good", 1, []string{"cannot be judged without the right", "!deadline"}},
		{admin, "rollout status ds/good --proof 1h --watch=false", 0, []string{"!successfully"}},
		{admin, "explain ds/bad ds/good", 3, []string{"CrashLoop", "DaemonSet logging/good", "!judged without"}},
		{reader, "explain ds/bad ds/good", 3, []string{"CrashLoop", "DaemonSet logging/good",
			"judged without nodes, events"}},
		{reader, "explain -l team=platform", 3, []string{"logging/good"}},
		{admin, "explain -A", 3, []string{"logging/good"}},
		{reader, "explain -A", 1, []string{"DaemonSets of the cluster", "forbidden", "with -n"}},
		{reader, "explain ds/nothing", 1, []string{"DaemonSet logging/nothing: does not exist"}},
	} {
		a.ask(t)
	}
	givesUp(t, admin)
}

// givesUp has who waits for a proof of an hour give up. One that has not even seen the pods in time, on a busy machine,
// is given longer.
func givesUp(t *testing.T, kubeconfig string) {
	t.Helper()
	a := asked{kubeconfig: kubeconfig, code: 4}
	for _, timeout := range []string{"2s", "20s", "1m0s"} {
		a.args = "rollout status ds/good --proof 1h --settle 1s --timeout " + timeout
		a.says = []string{"gave up after " + timeout, "proving"}
		if r := a.run(t); strings.Contains(r.stdout, "proving") {
			break
		}
	}
	a.ask(t)
}

// What is no DaemonSet is misuse, which says how to write one.
func TestDaemonSetsAreNamedAsKubectlHasIt(t *testing.T) {
	for args, says := range map[string]string{
		"rollout status":                       "name a DaemonSet: ds/NAME",
		"rollout status deploy/web":            "deploy/web: is no DaemonSet",
		"rollout status agent":                 "agent: is no DaemonSet: write ds/NAME",
		"rollout status ds/agent -l a=b":       "not both",
		"explain ds/agent node-agents":         "node-agents: is no DaemonSet",
		"explain deploy/web":                   "deploy/web: is neither a DaemonSet, which is named ds/NAME",
		"rollout status ds/agent --revision 3": "leave it out",
		"rollout status -f agent.yaml":         "files are not read here",
		"rollout undo ds/agent":                `unknown command "undo"`,
		"rollout status ds/a --timeout soon":   "invalid argument",
	} {
		if r := daemongate(t, "", strings.Fields(args)...); r.code != 2 || !strings.Contains(r.stderr, says) {
			t.Errorf("%s: exit code %d: %s", args, r.code, r.stderr)
		}
	}
}

// The bar fits the terminal, and tells nodes, rate and an estimate.
func TestTheBarFitsItsTerminal(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var p pace
	p.see(20, began)
	p.see(60, began.Add(5*time.Minute))
	j := rollout.Judgement{Settled: 60, Desired: 120}
	if got, want := bar(j, p, 100), "["+strings.Repeat("#", 20)+strings.Repeat(".", 20)+
		"] 60/120 nodes settled, 8/min, about 8 min left"; got != want {
		t.Errorf("%s\n%s", got, want)
	}
	if got := bar(j, pace{}, 80); !strings.HasSuffix(got, "] 60/120 nodes settled") {
		t.Error(got)
	}
	for width := range 120 {
		if got := bar(j, p, width); len(got) >= max(width, 1) {
			t.Errorf("%d columns: %q", width, got)
		}
	}
}

// A missing right without which nothing can be judged is told apart from those that make the answer poorer, and from an
// API server that is away for a while: that one alone is waited for, said once, and said again when it is back.
func TestWhatIsWaitedForAndWhatIsNot(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{}, "", errors.New("no"))
	away := &observe.WatchError{Kind: rollout.KindPods, Err: errors.New("connection refused")}
	noNodes := &observe.WatchError{Kind: rollout.KindNodes, Err: forbidden}
	for name, c := range map[string]struct {
		trouble     error
		ends, waits bool
	}{
		"nothing":           {nil, false, false},
		"no nodes":          {errors.Join(noNodes), false, false},
		"refused":           {errors.Join(away), false, true},
		"no nodes, refused": {errors.Join(errors.Join(noNodes, nil), away), false, true},
		"no pods": {errors.Join(errors.Join(nil, &observe.WatchError{Kind: rollout.KindPods, Err: forbidden})), true,
			false},
		"no object": {&observe.WatchError{Kind: "daemonsets", Err: forbidden}, true, false},
	} {
		if err := unreadable(c.trouble); (err != nil) != c.ends {
			t.Errorf("%s: %v", name, err)
		}
		if err := awaited(c.trouble); (err != nil) != c.waits || err != nil && strings.Contains(err.Error(), "nodes") {
			t.Errorf("%s: waits for %v", name, err)
		}
	}
	var out strings.Builder
	p := &progressPrinter{out: &out}
	w := &watcher{waits: p.waits}
	for _, why := range []string{"", "watch pods: connection refused\nwatch nodes: connection refused", "", ""} {
		w.tell(why)
		w.tell(why)
	}
	if want := "Waiting for the API server, which is asked again until the timeout: watch pods: connection refused; " +
		"watch nodes: connection refused\nThe API server answers again.\n"; out.String() != want {
		t.Errorf("%q", out.String())
	}
}

// A trouble is told once it has lasted: most that is younger has gone when it is read. Where there is one look alone, and
// where it will not pass, it is told at once.
func TestAYoungTroubleIsNotTold(t *testing.T) {
	began := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	pull := rollout.Cause{Code: rollout.ImagePull, Nodes: []string{"node-1"}, Message: "cannot be pulled", Since: began}
	final := pull
	final.Final = true
	for name, c := range map[string]struct {
		cause rollout.Cause
		age   time.Duration
		once  bool
		told  bool
	}{
		"young": {pull, 0, false, false}, "nearly": {pull, lasts - 1, false, false}, "lasting": {pull, lasts, false, true},
		"one look": {pull, 0, true, true}, "final": {final, 0, false, true},
	} {
		for _, width := range []int{0, 80} {
			var out strings.Builder
			p := &progressPrinter{out: &out, width: width, once: c.once}
			again := p.show(rollout.Judgement{Verdict: rollout.Progressing, Headline: "rolls", Desired: 2,
				Causes: []rollout.Cause{c.cause}}, began.Add(c.age))
			if told := strings.Contains(out.String(), "ImagePull on node-1"); told != c.told {
				t.Errorf("%s: told %v\n%s", name, told, out.String())
			}
			if want := began.Add(lasts); c.told != again.IsZero() || !c.told && !again.Equal(want) {
				t.Errorf("%s: again at %s", name, again)
			}
		}
	}
}
