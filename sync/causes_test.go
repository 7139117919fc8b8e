package sync

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"k8s.io/client-go/tools/cache"

	"github.com/daemongate/daemongate/manifests/clustertest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// causeStory is a commit that goes wrong in one way.
type causeStory struct {
	name, cause string
	// says is in the cause's message, where more than the cause matters.
	says string
	// v1 changes the agent that runs before; v2 is the agent that goes wrong, on top of that.
	v1, v2 func(*agentFile)
	// brings is an object that v2 adds.
	brings func(*world) string
	// before is done between the two, and during while v2 rolls out.
	before, during func(*world)
	// after is how long the cause must last, where the default is a matter of minutes.
	after string
	// deadline is the Sync's progressDeadline, five minutes if zero.
	deadline time.Duration
	// drift is the Sync's apply.drift: what is put right is not stuck.
	drift api.DriftPolicy
	// fails is set if nothing is written at all: the commit is Failed.
	fails bool
	// zone is where the agent runs; the nodes of b and c are for those who break nodes.
	zone  string
	needs needs
}

// needs is what a story plays that not all supported versions of Kubernetes have: it is there from 1.minor on.
type needs struct {
	minor int
	what  string
}

var (
	imageVolumes  = needs{35, "image volumes"}
	restartRules  = needs{35, "restart rules of containers"}
	restartsOfAll = needs{36, "rules that restart all containers"}
)

// agentFile is what a story changes of the agent's manifest.
type agentFile struct {
	image, strategy, annotations, metadata, object, selector, pod, container string
	minReady                                                                 int
}

func (a agentFile) String() string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent%s}
spec:
  minReadySeconds: %d
  selector: {matchLabels: {app: agent}}
  updateStrategy: {rollingUpdate: {maxUnavailable: %s}}
  template:
    metadata: {labels: {app: agent}, annotations: {%s}%s}
    spec:
      nodeSelector: {topology.kubernetes.io/zone: %s}
      terminationGracePeriodSeconds: 1
%s      containers:
      - name: agent
        image: %q
%s`, a.object, a.minReady, a.strategy, a.annotations, a.metadata, a.selector, a.pod, a.image, a.container)
}

// behaves has devcluster play the behaviour.
func behaves(behaviour string) func(*agentFile) {
	return func(a *agentFile) { a.annotations = behaviourAnnotation + `: "` + behaviour + `"` }
}

func container(lines ...string) func(*agentFile) {
	return func(a *agentFile) { a.container = "        " + strings.Join(lines, "\n        ") + "\n" }
}

func pod(line string) func(*agentFile) { return func(a *agentFile) { a.pod = "      " + line + "\n" } }

// beside has the agent exit with 3 beside another container, which runs on.
func beside(lines ...string) func(*agentFile) {
	return func(a *agentFile) {
		container(append([]string{"args: [crash]"}, lines...)...)(a)
		a.container += "      - name: other\n        image: registry.local/other:v1\n"
	}
}

// probe is one that is never answered.
func probe(kind string) func(*agentFile) {
	return container(kind + "Probe: {httpGet: {path: /healthz, port: 9}, periodSeconds: 1, failureThreshold: 2}")
}

// mounts has the agent mount an image volume.
func mounts(image string) func(*agentFile) {
	return func(a *agentFile) {
		pod("volumes: [{name: models, image: {reference: \"" + image + "\"}}]")(a)
		container("volumeMounts: [{name: models, mountPath: /models}]")(a)
	}
}

// claims has the agent ask for a ResourceClaim.
func claims(from string) func(*agentFile) {
	return func(a *agentFile) {
		pod("resourceClaims: [{name: gpu, " + from + "}]")(a)
		container("resources: {claims: [{name: gpu}]}")(a)
	}
}

// slow leaves time for something to happen while the rollout is under way.
var slow = behaves("slow-start=300s")

var causeStories = []causeStory{
	{name: "image is no name", cause: "InvalidImage", v2: func(a *agentFile) { a.image = "registry.local/Agent:v2" }},
	{name: "image does not exist", cause: "ImagePull",
		v2: func(a *agentFile) { a.image = "registry.local/agent:v2-typo" }},
	{name: "exits 3", cause: "CrashLoop", v2: behaves("crash")},
	{name: "out of memory", cause: "CrashLoop", v2: behaves("oom")},
	{name: "startup probe", cause: "ProbeFailing", v2: probe("startup")},
	{name: "liveness probe", cause: "ProbeFailing", v2: probe("liveness")},
	{name: "readiness probe", cause: "ProbeFailing", v2: probe("readiness"), deadline: 30 * time.Second},
	{name: "killing told once", cause: "ProbeFailing", after: "20s", v2: func(a *agentFile) {
		probe("startup")(a)
		behaves("untold")(a)
	}},
	{name: "postStart hook", cause: "HookFailing", says: "exited with 1: check failed",
		v2: container("lifecycle: {postStart: {exec: {command: [/agent, \"false\"]}}}")},
	{name: "image of a volume", needs: imageVolumes, cause: "ImagePull", says: "image volume models",
		v2: mounts("registry.local/models:v7-typo")},
	{name: "image of a volume is no name", needs: imageVolumes, cause: "InvalidImage", says: "image volume models",
		v2: mounts("registry.local/Models:v7")},
	{name: "no user namespaces", cause: "Sandbox", says: "hostUsers", after: "5s", v2: pod("hostUsers: false")},
	{name: "memory limit below the runtime", cause: "Sandbox", says: "memory limit", after: "5s",
		v2: container("resources: {limits: {memory: 600Ki}}")},
	{name: "missing ResourceClaim", cause: "NotScheduled", says: "ResourceClaim gpu-claim", after: "5s",
		v2: claims("resourceClaimName: gpu-claim")},
	{name: "missing ResourceClaimTemplate", cause: "NotScheduled",
		says: `ResourceClaimTemplate one-gpu (claim gpu): PodResourceClaim gpu`, after: "5s",
		v2: claims("resourceClaimTemplateName: one-gpu")},
	{name: "missing PersistentVolumeClaim", cause: "Unschedulable", says: "PersistentVolumeClaim data", after: "5s",
		v2: pod("volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]")},
	{name: "PersistentVolumeClaim is not bound", cause: "Unschedulable", says: "PersistentVolumeClaim data to be bound",
		after:  "5s",
		before: func(w *world) { w.makeClaim() }, v2: pod("volumes: [{name: data, persistentVolumeClaim: {claimName: " +
			"data}}]")},
	{name: "missing ConfigMap", cause: "ConfigError", after: "5s",
		v2: container("env: [{name: LEVEL, valueFrom: {configMapKeyRef: {name: missing, key: level}}}]")},
	{name: "missing Secret", cause: "VolumeMount", after: "5s",
		v2: pod("volumes: [{name: keys, secret: {secretName: missing}}]")},
	{name: "no network for pods", cause: "Sandbox", after: "5s", v2: behaves("sandbox-fails")},
	{name: "asks for too much", cause: "Unschedulable", after: "5s", v2: container("resources: {requests: {cpu: 64}}")},
	{name: "quota", cause: "Forbidden", after: "5s", before: (*world).limitCPU,
		v2: container("resources: {requests: {cpu: 2}}")},
	{name: "missing ServiceAccount", cause: "Forbidden", after: "5s", v2: pod("serviceAccountName: missing")},
	{name: "node refuses pods", cause: "Rejected", v2: behaves("rejected")},
	{name: "node has no AppArmor", cause: "Rejected", says: "AppArmor", v2: behaves("no-apparmor")},
	{name: "node is out of CPU", cause: "Rejected", says: "cpu", v2: behaves("out-of-cpu")},
	{name: "ends for good", needs: restartRules, cause: "CrashLoop", says: "and its pod with it",
		v2: container("args: [crash]", "restartPolicy: Never")},
	{name: "ends for good beside another", needs: restartRules, cause: "CrashLoop", says: "though the pod goes on",
		v2: beside("restartPolicy: Never")},
	{name: "restarts all containers", needs: restartsOfAll, cause: "CrashLoop",
		says: "all containers of the pod are restarted",
		v2: beside("restartPolicy: Never",
			"restartPolicyRules: [{action: RestartAllContainers, exitCodes: {operator: In, values: [3]}}]")},
	{name: "old pods do not stop", cause: "Terminating", after: "5s", v1: behaves("never-stops"), v2: behaves("")},
	{name: "unknown scheduler", cause: "NotScheduled", after: "5s", v2: pod("schedulerName: missing")},
	{name: "scheduling gate", cause: "NotScheduled", after: "5s",
		v2: pod("schedulingGates: [{name: example.com/licence}]")},
	{name: "clock two minutes ahead", cause: "ClockSkew", after: "1s", v1: func(a *agentFile) { a.minReady = 1 },
		v2: behaves("clock-ahead=120s")},
	{name: "image set by another", cause: "Overwritten", v2: slow, during: (*world).setImage},
	{name: "DaemonSet deleted", cause: "Deleted", drift: api.DriftReport, v2: slow, during: (*world).deleteAgent},
	{name: "refused after the dry run", cause: "ApplyFailed", deadline: 5 * time.Second, before: (*world).denyWrites,
		v2: func(*agentFile) {}},
	{name: "selects no node", cause: "NoEligibleNodes", fails: true, v2: func(a *agentFile) { a.selector = "nowhere" }},
	{name: "may select no node", cause: "NoEligibleNodes", v2: func(a *agentFile) {
		a.selector, a.object = "nowhere", `, annotations: {daemongate.io/allow-removal: "true"}`
	}},
	{name: "pulls for too long", cause: "NoProgress", deadline: 5 * time.Second, v2: slow},
	{name: "node dies with the new pod", cause: "NodeLost", zone: "b", v2: slow, during: (*world).loseNode},
	{name: "dead node spends the budget", cause: "BudgetSpent", zone: "c", after: "5s", before: (*world).killNode,
		v1: func(a *agentFile) { a.strategy = "1"; pod("tolerations: [{operator: Exists}]")(a) },
		v2: func(*agentFile) {}},
}

// Every cause that there is, live: from the push to the present reason in the Sync's status, and to the note on the
// commit. Polls are woken by hand, as a webhook would. Where a cause is waited for by the minute, the Sync asks for
// less.
func TestEveryCauseIsToldOnTheCommit(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a cluster")
	}
	t.Parallel()
	cluster := clustertest.Start(t, clustertest.Options{Nodes: 9, NodeGrace: 8 * time.Second})
	if err := installSyncs(cluster); err != nil {
		t.Fatal(err)
	}
	first := newWorldOn(t, cluster)
	c, _ := first.runFor("", cluster.Config, t.TempDir())
	told := first.record()
	turns := make(chan struct{}, 8) // so many at a time, so that the times are not those of a crowd
	t.Run("stories", func(t *testing.T) {
		for _, story := range slices.Concat(causeStories, otherCauses) {
			t.Run(story.name, func(t *testing.T) {
				t.Parallel()
				cluster.Since(t, story.needs.minor, story.needs.what)
				turns <- struct{}{}
				defer func() { <-turns }()
				story.play(newWorldOn(t, cluster), c, told)
			})
		}
	})
	// An API that does not answer is felt by whoever asks for all kinds: so it comes when the others are told.
	deaf := causeStory{name: "API without a Service", cause: "NotReady", deadline: 10 * time.Second, brings: apiService}
	deaf.play(newWorldOn(t, cluster), c, told)
	stopped := causeStory{name: "controller-manager hangs", cause: "NotObserved", after: "5s", v2: func(*agentFile) {},
		before: func(w *world) {
			w.check(cluster.Devcluster("pause", "kube-controller-manager"))
		}}
	stopped.play(newWorldOn(t, cluster), c, told)
	t.Logf("from the push to\n%s", told.table())
}

// play tells the story of one cause in a world of its own.
func (s causeStory) play(w *world, c *Controller, told *record) {
	w.t.Helper()
	a := agentFile{image: "registry.local/agent:v1", strategy: "100%", selector: cmp.Or(s.zone, "a")}
	if s.v1 != nil {
		s.v1(&a)
	}
	v1 := w.push("v1", map[string]string{"agent.yaml": a.String()})
	if s.after != "" {
		w.after = map[string]string{s.cause: s.after}
	}
	w.create(func(spec *api.SyncSpec) {
		spec.Source.Interval.Duration = time.Hour
		// What ends seconds after it was Ready ends before it has settled, on a busy machine too: so the default.
		spec.Rollout.Settle.Duration, spec.Apply.Drift = 10*time.Second, s.drift
		spec.Gate.ProgressDeadline.Duration = 5 * time.Minute
	})
	w.waitFor(v1, api.Complete)
	if s.deadline != 0 { // which v1 may miss on a busy machine
		w.patch(fmt.Sprintf(`{"spec":{"gate":{"progressDeadline":%q}}}`, s.deadline))
	}
	if s.before != nil {
		s.before(w)
	}
	files := map[string]string{}
	if s.v2 != nil {
		a.image = "registry.local/agent:v2"
		s.v2(&a)
		files["agent.yaml"] = a.String()
	}
	if s.brings != nil {
		files["other.yaml"] = s.brings(w)
	}
	v2 := w.push("v2", files)
	told.forget(w.namespace)
	pushed := time.Now()
	c.Poll(w.namespace + "/agents")
	if s.during != nil {
		w.waitFor(v2, api.RollingOut)
		s.during(w)
	}
	state, says := api.Stuck, "failure: Stuck: "+s.cause
	if s.fails {
		state, says = api.Failed, "error: "
	}
	// The Event that tells a probe from a crash may come after the end that it explains: the verdict is corrected then.
	w.wait(fmt.Sprintf("%s to be %s with %s", api.Short(v2), state, s.cause), func(status api.SyncStatus) bool {
		return slices.ContainsFunc(status.History, func(r api.Record) bool {
			return r.Commit == v2 && r.State == state && strings.Contains(r.Message.Private, s.cause)
		}) && (s.fails || leads(status.InFlight, s.cause, s.says))
	})
	w.told(v2, says)
	noted := time.Now()
	told.add(s, w.namespace, pushed, noted, w.note(v2))
}

// leads reports whether a cause is named first, with what to do about it. The gate's own has none but its message.
func leads(f *api.Flight, cause, says string) bool {
	return len(f.Causes) > 0 && f.Causes[0].Code == cause && strings.Contains(f.Causes[0].Message, says) &&
		(f.Causes[0].Remedy != "" || cause == gate.CauseApplyFailed)
}

// record is when each cause was first seen in a Sync's status, and what became of it.
type record struct {
	mu    gosync.Mutex
	seen  map[string]time.Time // by namespace and cause
	lines []string
}

// record begins to watch all Syncs of the cluster.
func (w *world) record() *record {
	w.t.Helper()
	r := &record{seen: map[string]time.Time{}}
	informer := w.syncs.Informer("")
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: r.see,
		UpdateFunc: func(_, o any) { r.see(o) }})
	w.check(err)
	go informer.RunWithContext(w.t.Context())
	return r
}

func (r *record) see(o any) {
	s, err := FromInformer(o)
	if err != nil || s.Status.InFlight == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range s.Status.InFlight.Causes {
		if key := s.Namespace + " " + c.Code; r.seen[key].IsZero() {
			r.seen[key] = time.Now()
		}
	}
}

// forget leaves out what v1 has shown on its way.
func (r *record) forget(namespace string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.seen, func(key string, _ time.Time) bool { return strings.HasPrefix(key, namespace+" ") })
}

func (r *record) add(s causeStory, namespace string, pushed, noted time.Time, note string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	present, waits := "-", ""
	if at := r.seen[namespace+" "+s.cause]; !at.IsZero() {
		present = fmt.Sprintf("%.1f s", at.Sub(pushed).Seconds())
	}
	if s.after != "" {
		waits = " (waits " + s.after + ")"
	}
	if s.deadline != 0 {
		waits = " (deadline " + s.deadline.String() + ")"
	}
	_, note, _ = strings.Cut(note, ": ")
	r.lines = append(r.lines, fmt.Sprintf("%-15s %-27s reason %7s  note %5.1f s  %s%s", s.cause, s.name, present,
		noted.Sub(pushed).Seconds(), note, waits))
}

func (r *record) table() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.Sort(r.lines)
	return strings.Join(r.lines, "\n")
}
