package sync

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// job is one whose status is written by somebody else than the Job controller: these stories do it.
func job(name string) string {
	return fmt.Sprintf(`apiVersion: batch/v1
kind: Job
metadata: {name: %s}
spec:
  managedBy: example.com/story
  template:
    spec:
      restartPolicy: Never
      containers: [{name: work, image: "registry.local/work:v1"}]
`, name)
}

// deployment is one whose pods devcluster runs.
func deployment(name, image, more string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %s}
spec:
  replicas: 2
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: it, image: "registry.local/it:%s"}]
%s`, name, image, more)
}

const (
	jobStarted  = `{"status":{"startTime":"2026-11-24T10:00:00Z","active":1}}`
	jobComplete = `{"status":{"active":0,"succeeded":1,"completionTime":"2026-11-24T10:00:09Z","conditions":[` +
		`{"type":"SuccessCriteriaMet","status":"True"},{"type":"Complete","status":"True"}]}}`
	jobFailed = `{"status":{"active":0,"failed":7,"conditions":[{"type":"FailureTarget","status":"True"},` +
		`{"type":"Failed","status":"True","reason":"BackoffLimitExceeded","message":"Job has reached the specified backoff limit"}]}}`
)

// jobSays writes a Job's status as its controller does.
func (w *world) jobSays(name, status string) {
	w.t.Helper()
	_, err := w.kube.BatchV1().Jobs(w.namespace).Patch(w.t.Context(), name, "application/merge-patch+json",
		[]byte(status), metav1.PatchOptions{}, "status")
	w.check(err)
}

// headline waits for what is said of a workload.
func (w *world) headline(kind, says string) {
	w.t.Helper()
	w.wait(kind+" to say "+says, func(s api.SyncStatus) bool {
		if s.InFlight == nil {
			return false
		}
		for _, o := range s.InFlight.Workloads {
			if o.Kind == kind && strings.Contains(o.Headline, says) {
				return true
			}
		}
		return false
	})
}

// A commit with a Job is complete when the Job is, not when it has started and not when its DaemonSet has rolled out; a
// Job that failed makes it stuck, with its own message in the cluster and its name alone on the commit; the fix passes.
func TestACommitWaitsForItsJob(t *testing.T) {
	w := newWorld(t)
	t.Parallel() // it mostly waits
	v1 := w.push("v1", map[string]string{"agent.yaml": agent("v1"), "job.yaml": job("first"),
		"a.yaml": configMap("a", "1")})
	w.create(nil)
	w.controller(shared.Config, t.TempDir())
	w.headline("Job", "Job not started")
	w.jobSays("first", jobStarted)
	w.headline("DaemonSet", "successfully rolled out")
	w.headline("Job", "Job in progress")
	if s := w.status(); s.InFlight.State != api.RollingOut || s.InFlight.Nodes.Desired == 0 ||
		s.InFlight.Message.Private != "waits for Job "+w.namespace+"/first" {
		t.Errorf("%s: %q, %+v", s.InFlight.State, s.InFlight.Message.Private, s.InFlight.Nodes)
	}
	w.jobSays("first", jobComplete)
	w.waitFor(v1, api.Complete)

	v2 := w.push("v2", map[string]string{"job.yaml": job("second")})
	w.headline("Job", "Job not started")
	w.jobSays("second", jobStarted)
	w.jobSays("second", jobFailed)
	w.waitFor(v2, api.Stuck)
	if c := w.status().InFlight.Causes[0]; c.Code != "JobFailed" || c.Object != "Job "+w.namespace+"/second" ||
		!strings.Contains(c.Message, "backoff limit") || c.Remedy == "" {
		t.Errorf("the cause is %+v", c)
	}
	w.told(v2, "failure: Stuck: JobFailed: Job "+w.namespace+"/second")
	if note := w.note(v2); strings.Contains(note, "backoff") {
		t.Errorf("the host is told %q", note)
	}
	v3 := w.push("v3", map[string]string{"job.yaml": strings.Replace(job("third"), "  managedBy: example.com/story\n",
		"", 1)})
	w.waitFor(v3, api.Complete) // by the real Job controller
	w.told(v3, "success")
}

// A Deployment of the set is waited for, and past its own progress deadline the commit is stuck; the fix passes. One
// that is annotated is not waited for.
func TestACommitWaitsForItsDeployment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"shop.yaml": deployment("shop", "v1", ""), "a.yaml": configMap("a", "1")})
	w.create(nil)
	w.controller(shared.Config, t.TempDir())
	if r := w.waitFor(v1, api.Complete); r.Message.Private != "1 object ready" {
		t.Errorf("the message is %q", r.Message.Private)
	}
	nowhere := "      nodeSelector: {nowhere: \"true\"}\n  progressDeadlineSeconds: 2\n"
	v2 := w.push("v2", map[string]string{"shop.yaml": deployment("shop", "v2", nowhere)})
	w.waitFor(v2, api.Stuck)
	w.told(v2, "failure: Stuck: ProgressDeadlineExceeded: Deployment "+w.namespace+"/shop")
	v3 := w.push("v3", map[string]string{"shop.yaml": deployment("shop", "v3", ""), "a.yaml": ""})
	w.waitFor(v3, api.Complete)
	aside := strings.Replace(deployment("aside", "v1", nowhere), "{name: aside}",
		`{name: aside, annotations: {daemongate.io/wait: "false"}}`, 1)
	v4 := w.push("v4", map[string]string{"aside.yaml": aside})
	w.waitFor(v4, api.Complete)
	bad := w.push("bad", map[string]string{"aside.yaml": strings.Replace(aside, `"false"`, `"no"`, 1)})
	if r := w.waitFor(bad, api.Failed); !strings.Contains(r.Message.Private,
		`aside: annotation daemongate.io/wait is "no": write "true" or "false"`) {
		t.Errorf("the message is %q", r.Message.Private)
	}
}

// A new kind and an object of it in one set, which is annotated to be waited for: the commit is complete when the
// object is Ready.
func TestACommitWaitsForWhatIsAnnotated(t *testing.T) {
	w := newWorld(t)
	t.Parallel() // it mostly waits
	group := w.namespace + ".example.com"
	definition := fmt.Sprintf(`apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: caches.%[1]s, annotations: {daemongate.io/prune: enabled}}
spec:
  group: %[1]s
  scope: Namespaced
  names: {kind: Cache, plural: caches}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`, group)
	cache := fmt.Sprintf("apiVersion: %s/v1\nkind: Cache\nmetadata: {name: warm, annotations: {daemongate.io/wait: "+
		"\"true\"}}\nspec: {size: 1}\n", group)
	v1 := w.push("v1", map[string]string{"definition.yaml": definition, "cache.yaml": cache})
	w.create(nil)
	w.controller(shared.Config, t.TempDir())
	w.headline("CustomResourceDefinition", "is ready")
	w.headline("Cache", "neither a condition Ready")
	caches := w.client.Resource(schema.GroupVersionResource{Group: group, Version: "v1",
		Resource: "caches"}).Namespace(w.namespace)
	says := func(status string) {
		t.Helper()
		_, err := caches.Patch(t.Context(), "warm", "application/merge-patch+json", []byte(`{"status":{"conditions":[`+
			status+`]}}`), metav1.PatchOptions{}, "status")
		w.check(err)
	}
	says(`{"type":"Ready","status":"False","reason":"Warming","message":"half full"}`)
	w.headline("Cache", "half full")
	says(`{"type":"Ready","status":"True"}`)
	w.waitFor(v1, api.Complete)
}

// An object in flight is read only when it was written, and not at all when the commit is complete (law 12). Told
// beside no other story: what a busy machine delays would count as a read too many.
func TestAnObjectIsReadOnlyWhenItWasWritten(t *testing.T) {
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"job.yaml": job("first")})
	w.create(nil)
	var reads atomic.Int32
	config := rest.CopyConfig(shared.Config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/jobs/first") {
				reads.Add(1)
			}
			return next.RoundTrip(r)
		})
	})
	w.controller(config, t.TempDir())
	w.jobAppears("first")
	w.jobSays("first", jobStarted)
	w.headline("Job", "Job in progress")
	before := w.rests(&reads)
	time.Sleep(5 * time.Second) // polls pass, and the pauses after which it would be read if it were not watched
	if n := reads.Load() - before; n > 0 {
		t.Errorf("read %d times although nobody wrote it", n)
	}
	w.jobSays("first", jobComplete)
	w.waitFor(v1, api.Complete)
	if n := reads.Load() - before; n != 1 {
		t.Errorf("read %d times after one write", n)
	}
	before = reads.Load()
	w.jobSays("first", `{"status":{"conditions":[{"type":"SuccessCriteriaMet","status":"True"},{"type":"Complete","status":"True","message":"again"}]}}`)
	time.Sleep(3 * time.Second)
	if n := reads.Load() - before; n > 0 {
		t.Errorf("read %d times after the commit was complete", n)
	}
}

func (w *world) jobAppears(name string) {
	w.t.Helper()
	w.until("the Job "+name, func() bool {
		_, err := w.kube.BatchV1().Jobs(w.namespace).Get(w.t.Context(), name, metav1.GetOptions{})
		return err == nil
	})
}

// Who may not watch a kind reads it now and then, and is told.
func TestAnObjectThatMayNotBeWatchedIsReadNowAndThen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"job.yaml": job("first")})
	w.create(nil)
	config := rest.CopyConfig(shared.Config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Get("watch") != "" && strings.HasSuffix(r.URL.Path, "/jobs") ||
				r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/jobs") {
				return forbidden(r), nil
			}
			return next.RoundTrip(r)
		})
	})
	w.controller(config, t.TempDir())
	w.jobAppears("first")
	w.jobSays("first", jobStarted)
	w.headline("Job", "Job in progress")
	w.jobSays("first", jobComplete)
	w.waitFor(v1, api.Complete)
}

// forbidden is the answer of an API server that does not allow it.
func forbidden(r *http.Request) *http.Response {
	body := `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","message":"jobs is forbidden","code":403}`
	return &http.Response{StatusCode: http.StatusForbidden, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: r}
}
