package sync

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// remedyStory is a commit that goes wrong, and what its remedy says done.
type remedyStory struct {
	name, cause string
	// says are in the remedy: the object to look at, by kind and name. Here and in the files, NS is the namespace.
	says []string
	// before is done before v2, the commit that goes wrong; it may return what undoes it.
	before func(*world) func()
	v2     func(*agentFile)
	settle time.Duration // the Sync's rollout.settle, half a second if zero
	// One of these is the remedy. corrected is the agent as a commit puts it right, and then what is still in its way
	// is taken away by cleared; brings is what a commit puts into Git beside the agent; made is what somebody makes in
	// the cluster; undone undoes what was done before. After the latter two there is no other commit: v2 itself is to
	// become Complete.
	corrected func(*agentFile)
	cleared   func(w *world, remedy string)
	brings    string
	made      func(*world)
	undone    bool
	after     string // as in causeStory
	needs     needs
}

// plainAgent changes nothing of the agent but its image.
func plainAgent(*agentFile) {}

var remedyStories = []remedyStory{
	{name: "missing ConfigMap", cause: "ConfigError", says: []string{"Put ConfigMap settings with key level into Git",
		"kubectl -n NS get configmaps"},
		v2: container("env: [{name: LEVEL, valueFrom: {configMapKeyRef: {name: settings, key: level}}}]"), after: "2s",
		brings: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {level: debug}\n"},
	{name: "missing Secret of the environment", cause: "ConfigError", says: []string{"Secret token",
		"kubectl -n NS get secrets"},
		v2: container("envFrom: [{secretRef: {name: token}}]"), after: "2s", made: (*world).makeSecret},
	{name: "missing Secret of a volume", cause: "VolumeMount", says: []string{"Secret token", "volume keys",
		"kubectl -n NS get secrets"},
		v2: pod("volumes: [{name: keys, secret: {secretName: token}}]"), after: "2s", made: (*world).makeSecret},
	{name: "missing ServiceAccount", cause: "Forbidden", says: []string{"Put ServiceAccount reader into Git",
		"kubectl -n NS get serviceaccounts"},
		v2: pod("serviceAccountName: reader"), after: "2s", brings: "apiVersion: v1\nkind: ServiceAccount\nmetadata: " +
			"{name: reader}\n"},
	{name: "missing PriorityClass", cause: "Forbidden", says: []string{"Put PriorityClass NS-agents into Git",
		"kubectl get priorityclasses"},
		v2: pod("priorityClassName: NS-agents"), after: "2s",
		brings: "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: NS-agents}\nvalue: 1000\n"},
	{name: "missing RuntimeClass", cause: "Forbidden", says: []string{"Put RuntimeClass NS-kata into Git",
		"kubectl get runtimeclasses"},
		v2: pod("runtimeClassName: NS-kata"), after: "2s",
		brings: "apiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata: {name: NS-kata}\nhandler: kata\n"},
	{name: "quota", cause: "Forbidden", says: []string{"kubectl -n NS edit resourcequota limit", "requests.cpu to "},
		before: func(w *world) func() { return w.limit(corev1.ResourceRequestsCPU, "1") },
		v2:     container("resources: {requests: {cpu: 500m}}"), after: "2s", made: (*world).raiseQuota},
	{name: "quota, asks for less", cause: "Forbidden", says: []string{"or ask for less in Git",
		"kubectl -n NS delete pods -l controller-revision-hash="},
		before: func(w *world) func() { return w.limit(corev1.ResourceRequestsCPU, "1") },
		v2:     container("resources: {requests: {cpu: 500m}}"), after: "2s",
		corrected: container("resources: {requests: {cpu: 100m}}"), cleared: (*world).deletePodsThatHoldQuota},
	{name: "pod security level", cause: "Forbidden", says: []string{"kubectl label namespace NS " +
		"pod-security.kubernetes.io/enforce=privileged --overwrite"},
		before: func(w *world) func() { w.label("baseline"); return func() { w.label("privileged") } },
		v2:     pod("hostPID: true"), after: "2s", undone: true},
	{name: "LimitRange", cause: "Forbidden", says: []string{"LimitRange", "kubectl -n NS describe limitrange"},
		before: (*world).limitContainers, v2: container("resources: {limits: {cpu: 1}}"), after: "2s",
		corrected: container("resources: {limits: {cpu: 100m}}")},
	{name: "tag does not exist", cause: "ImagePull", says: []string{"registry.local/agent:v2-typo", "in Git"},
		after: "2s",
		v2:    func(a *agentFile) { a.image = "registry.local/agent:v2-typo" }, corrected: plainAgent},
	{name: "image is no name", cause: "InvalidImage", says: []string{"image of container agent in Git", "lower case"},
		v2: func(a *agentFile) { a.image = "registry.local/Agent:v2" }, corrected: plainAgent},
	{name: "no room", cause: "Unschedulable", says: []string{"Ask for less in Git", "kubectl describe node node-"},
		v2: container("resources: {requests: {cpu: 64}}"), after: "2s",
		corrected: container("resources: {requests: {cpu: 10m}}")},
	{name: "host port is taken", cause: "Unschedulable", says: []string{"holds host port 18301/TCP",
		"kubectl get pods -A --field-selector spec.nodeName=node-"}, before: (*world).holdPort,
		v2: container("ports: [{containerPort: 80, hostPort: 18301}]"), after: "2s", undone: true},
	{name: "missing PersistentVolumeClaim", cause: "Unschedulable",
		says: []string{"Put PersistentVolumeClaim data into Git", "kubectl -n NS get pvc"},
		v2:   pod("volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]"), after: "2s",
		brings: claimOf("data") + "---\n" + volumeFor("data")},
	{name: "PersistentVolumeClaim is not bound", cause: "Unschedulable",
		says:   []string{"no PersistentVolume fits it: make one", "kubectl -n NS describe pvc data`"},
		before: (*world).makeClaim, v2: pod("volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]"),
		after: "2s", brings: volumeFor("data")},
	{name: "missing ResourceClaim", cause: "NotScheduled", says: []string{"put ResourceClaim gpu-claim (claim gpu) " +
		"into Git", "kubectl -n NS get resourceclaims"},
		v2: claims("resourceClaimName: gpu-claim"), after: "2s",
		brings: "apiVersion: resource.k8s.io/v1\nkind: ResourceClaim\nmetadata: {name: gpu-claim}\nspec: {devices: " +
			"{}}\n"},
	{name: "missing ResourceClaimTemplate", cause: "NotScheduled",
		says: []string{"Put ResourceClaimTemplate one-gpu (claim gpu) into Git", "kubectl -n NS get resourceclaims"},
		v2:   claims("resourceClaimTemplateName: one-gpu"), after: "2s",
		brings: "apiVersion: resource.k8s.io/v1\nkind: ResourceClaimTemplate\nmetadata: {name: one-gpu}\nspec: " +
			"{spec: {devices: {}}}\n"},
	{name: "postStart hook", cause: "HookFailing", says: []string{"correct the hook in Git",
		"kubectl -n NS describe pod agent-"},
		v2: container("lifecycle: {postStart: {exec: {command: [/agent, \"false\"]}}}"), corrected: plainAgent},
	{name: "liveness probe", cause: "ProbeFailing", says: []string{"Compare the probe with what the agent serves",
		"kubectl -n NS logs agent-"},
		v2: probe("liveness"), settle: 10 * time.Second, corrected: container("livenessProbe: {httpGet: {path: " +
			"/healthz, port: 8080}}")},
	{name: "node has no AppArmor", cause: "Rejected", says: []string{"leave appArmorProfile out in Git",
		"kubectl describe node node-"},
		v2: behaves("no-apparmor"), corrected: plainAgent},
	{name: "ends for good", needs: restartRules, cause: "CrashLoop", says: []string{"kubectl -n NS logs ", "-c agent",
		"fix the commit or revert it"},
		v2: container("args: [crash]", "restartPolicy: Never"), corrected: plainAgent, settle: 10 * time.Second},
}

// A remedy names the object to look at, and doing what it says helps: what is put right in the cluster has the same
// commit come to its end, and what is put right in Git the next one. What a cluster can play is played.
func TestDoingWhatARemedySaysHelps(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a cluster")
	}
	t.Parallel()
	first := newWorld(t)
	turns := make(chan struct{}, 8)
	for _, story := range remedyStories {
		t.Run(story.name, func(t *testing.T) {
			t.Parallel()
			turns <- struct{}{}
			defer func() { <-turns }()
			first.cluster.Since(t, story.needs.minor, story.needs.what)
			story.play(newWorldOn(t, first.cluster))
		})
	}
}

func (s remedyStory) play(w *world) {
	w.t.Helper()
	named := strings.NewReplacer("NS", w.namespace)
	agent := func(image string, change func(*agentFile)) map[string]string {
		a := agentFile{image: image, strategy: "100%", selector: "a"}
		change(&a)
		return map[string]string{"agent.yaml": named.Replace(a.String())}
	}
	v1 := w.push("v1", agent("registry.local/agent:v1", plainAgent))
	w.after = map[string]string{s.cause: cmp.Or(s.after, "1s")}
	w.create(func(spec *api.SyncSpec) { // what ends soon after it was Ready is not to have settled before
		spec.Rollout.Settle.Duration = cmp.Or(s.settle, spec.Rollout.Settle.Duration)
	})
	w.controller(w.cluster.Config, w.t.TempDir())
	w.waitFor(v1, api.Complete)
	var undo func()
	if s.before != nil {
		undo = s.before(w)
	}
	v2 := w.push("v2", agent("registry.local/agent:v2", s.v2))
	// What explains it may come after it, and the remedy says more then.
	status := w.wait(fmt.Sprintf("v2 to be Stuck with %s and its remedy, which says %q", s.cause, s.says),
		func(now api.SyncStatus) bool {
			return now.InFlight != nil && now.InFlight.Commit == v2 && now.InFlight.State == api.Stuck &&
				leads(now.InFlight, s.cause, "") &&
				!slices.ContainsFunc(s.says,
					func(words string) bool {
						return !strings.Contains(now.InFlight.Causes[0].Remedy,
							named.Replace(words))
					})
		})
	remedy := status.InFlight.Causes[0].Remedy
	commit := v2
	switch {
	case s.brings != "":
		commit = w.push("remedy", map[string]string{"remedy.yaml": named.Replace(s.brings)})
	case s.corrected != nil:
		commit = w.push("remedy", agent("registry.local/agent:v3", s.corrected))
		if s.cleared != nil {
			s.cleared(w, remedy)
		}
	case s.undone:
		undo()
	default:
		s.made(w)
	}
	if s.cause == "Forbidden" {
		w.tryUntilComplete(commit, remedy)
	}
	w.waitFor(commit, api.Complete)
}

// tryAtOnce is the command of a remedy that has the DaemonSet controller try again.
var tryAtOnce = regexp.MustCompile("`kubectl -n (\\S+) annotate daemonset (\\S+) --overwrite (\\S+)=")

// tryUntilComplete has the DaemonSet controller try again as the remedy says, until the commit is Complete. Nobody
// takes that annotation for a change: it stays.
func (w *world) tryUntilComplete(commit, remedy string) {
	w.t.Helper()
	command := tryAtOnce.FindStringSubmatch(remedy)
	if command == nil || command[1] != w.namespace || command[2] != "agent" {
		w.t.Fatalf("the remedy does not say how to have it tried at once: %s", remedy)
	}
	try := w.retried(command[3])
	status := w.wait(api.Short(commit)+" to be Complete, tried again and again", func(now api.SyncStatus) bool {
		try()
		return now.LastComplete == commit
	})
	if d := w.daemonSet(); d.Annotations[command[3]] == "" || status.Drift != nil && status.Drift.Corrections > 0 ||
		drifted(status) != "" {
		w.t.Errorf("the annotations are %v; drift %+v, %s", d.Annotations, status.Drift, drifted(status))
	}
}

// retried has the DaemonSet controller try again at once what it failed to create, by an annotation of the agent, every
// two seconds at most: once is not enough where a quota or a class is not known everywhere yet.
func (w *world) retried(annotation string) (try func()) {
	var at time.Time
	return func() {
		if time.Since(at) > 2*time.Second {
			at = time.Now()
			w.edit("kubectl-annotate", "DaemonSet", "agent", `{"metadata":{"annotations":{"`+annotation+`":"`+
				at.Format("150405.000")+`"}}}`)
		}
	}
}

// podsThatHold is the command of a remedy that deletes the pods which hold a quota.
var podsThatHold = regexp.MustCompile("`kubectl -n \\S+ delete pods -l (\\S+)`")

// deletePodsThatHoldQuota deletes them as soon as the DaemonSet has its new template.
func (w *world) deletePodsThatHoldQuota(remedy string) {
	command := podsThatHold.FindStringSubmatch(remedy)
	if command == nil {
		w.t.Fatalf("the remedy does not say which pods to delete: %s", remedy)
	}
	w.until("the new template", func() bool { return w.image() == "registry.local/agent:v3" })
	w.check(w.kube.CoreV1().Pods(w.namespace).DeleteCollection(w.t.Context(), metav1.DeleteOptions{},
		metav1.ListOptions{LabelSelector: command[1]}))
}

// claimOf is a PersistentVolumeClaim that all nodes may use, and volumeFor the volume that is kept for it.
func claimOf(name string) string {
	return "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: " + name + "}\n" +
		"spec: {accessModes: [ReadWriteMany], storageClassName: \"\", resources: {requests: {storage: 1Gi}}}\n"
}

func volumeFor(claim string) string {
	return "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: NS-" + claim + "}\n" +
		"spec: {accessModes: [ReadWriteMany], capacity: {storage: 1Gi}, hostPath: {path: /data}, claimRef: " +
		"{namespace: NS, name: " + claim + "}}\n"
}

// makeClaim makes a PersistentVolumeClaim that no volume is there for.
func (w *world) makeClaim() func() {
	w.t.Helper()
	var claim corev1.PersistentVolumeClaim
	w.check(yaml.Unmarshal([]byte(claimOf("data")), &claim))
	_, err := w.kube.CoreV1().PersistentVolumeClaims(w.namespace).Create(w.t.Context(), &claim, metav1.CreateOptions{})
	w.check(err)
	return nil
}

// makeSecret makes the one that the stories' agents lack.
func (w *world) makeSecret() {
	_, err := w.kube.CoreV1().Secrets(w.namespace).Create(w.t.Context(),
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "token"},
			StringData: map[string]string{"token": "none"}}, metav1.CreateOptions{})
	w.check(err)
}

// raiseQuota has the namespace's quota allow what its pods ask for.
func (w *world) raiseQuota() {
	_, err := w.kube.CoreV1().ResourceQuotas(w.namespace).Patch(w.t.Context(), "limit", "application/merge-patch+json",
		[]byte(`{"spec":{"hard":{"requests.cpu":"100"}}}`), metav1.PatchOptions{})
	w.check(err)
}

// label has the namespace enforce a pod security level.
func (w *world) label(level string) {
	_, err := w.kube.CoreV1().Namespaces().Patch(w.t.Context(), w.namespace, "application/merge-patch+json",
		[]byte(`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"`+level+`"}}}`), metav1.PatchOptions{})
	w.check(err)
}

// limitContainers allows each container of the namespace half a CPU.
func (w *world) limitContainers() func() {
	ranges := w.kube.CoreV1().LimitRanges(w.namespace)
	half := corev1.LimitRangeItem{Type: corev1.LimitTypeContainer,
		Max: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("500m")}}
	_, err := ranges.Create(w.t.Context(), &corev1.LimitRange{ObjectMeta: metav1.ObjectMeta{Name: "half"},
		Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{half}}}, metav1.CreateOptions{})
	w.check(err)
	return nil
}

// holdPort has a pod of its own hold a host port on one of the agent's nodes.
func (w *world) holdPort() func() {
	pods, none := w.kube.CoreV1().Pods(w.namespace), int64(0)
	_, err := pods.Create(w.t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "holder"},
		Spec: corev1.PodSpec{
			NodeSelector: map[string]string{corev1.LabelTopologyZone: "a"},
			Containers: []corev1.Container{{Name: "holder", Image: "registry.local/holder:v1",
				Ports: []corev1.ContainerPort{{ContainerPort: 80, HostPort: 18301}}}},
		}}, metav1.CreateOptions{})
	w.check(err)
	w.until("the holder to run", func() bool {
		p, err := pods.Get(w.t.Context(), "holder", metav1.GetOptions{})
		w.check(err)
		return p.Status.Phase == corev1.PodRunning
	})
	return func() { w.check(pods.Delete(w.t.Context(), "holder", metav1.DeleteOptions{GracePeriodSeconds: &none})) }
}
