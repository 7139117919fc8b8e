package cli_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// One cluster in which agents misbehave, each in its namespace; the states and their pace are held against the
// recordings in package kubelet, here it is the real controllers that must see them.
func TestBehaviours(t *testing.T) {
	t.Parallel()
	c := up(t, "--nodes=4")
	for name, story := range map[string]func(*testing.T, *testCluster){
		"healthy":      healthyAgent,
		"crash":        crashLoopPassesForAvailable,
		"pull":         imageThatIsNotThere,
		"configmap":    configMapThatComesLater,
		"evicted":      evictedPodIsReplaced,
		"slow":         slowStartAndStop,
		"one-node":     troubleOnOneNodeOnly,
		"full":         fullNode,
		"quota":        quotaForbidsPods,
		"bad-word":     wordThatMakesNoSense,
		"job-finishes": jobFinishes,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story(t, &testCluster{Clientset: c.Clientset, t: t, dir: c.dir, info: c.info})
		})
	}
}

// A good agent is Ready within seconds, with the status and the Events of a kubelet, and a new template replaces it.
func healthyAgent(t *testing.T, c *testCluster) {
	c.agent("healthy", func(*corev1.PodTemplateSpec) {})
	c.waitForReady("healthy", 4)
	for _, pod := range c.pods("healthy") {
		s := pod.Status.ContainerStatuses[0]
		if pod.Status.PodIP == "" || s.State.Running == nil || s.ContainerID == "" || s.Started == nil || !*s.Started {
			t.Errorf("%s: %+v", pod.Name, pod.Status)
		}
		for _, condition := range pod.Status.Conditions {
			if condition.Status != corev1.ConditionTrue || condition.Reason != "" ||
				condition.LastTransitionTime.IsZero() {
				t.Errorf("%s: %+v", pod.Name, condition)
			}
		}
	}
	c.waitForEvent("healthy", "Started", "Container started")
	c.change("healthy", `{"spec":{"template":{"spec":{"containers":[{"name":"agent","image":"registry.local/agent:v2"}]}}}}`)
	eventually(t, "rollout", func() error {
		ds := c.daemonSet("healthy")
		if ds.UpdatedNumberScheduled != 4 || ds.NumberAvailable != 4 {
			return fmt.Errorf("%d updated, %d available", ds.UpdatedNumberScheduled, ds.NumberAvailable)
		}
		return nil
	})
	c.waitForEvent("healthy", "Killing", "Stopping container agent")
}

// A crash loop is Ready for half a second at each start, so that the DaemonSet controller counts it available in
// passing: the false success that Daemongate exists for.
func crashLoopPassesForAvailable(t *testing.T, c *testCluster) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	c.agent("crash", func(p *corev1.PodTemplateSpec) { p.Spec.Containers[0].Args = []string{"crash"} })
	watch, err := c.AppsV1().DaemonSets("crash").Watch(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	available := int32(0)
	for available == 0 {
		select {
		case <-watch.ResultChan():
			available = max(available, c.daemonSet("crash").NumberAvailable)
		case <-ctx.Done():
			t.Fatal("the DaemonSet controller never counted a crashing pod available")
		}
	}
	watch.Stop()
	eventually(t, "crash", func() error {
		s := c.pods("crash")[0].Status.ContainerStatuses[0]
		if s.State.Waiting == nil || s.State.Waiting.Reason != "CrashLoopBackOff" ||
			s.LastTerminationState.Terminated.ExitCode != 3 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	c.waitForEvent("crash", "BackOff", "Back-off restarting failed container agent")
}

// An image that is not there is ErrImagePull on all nodes, and after two pulls the Event says so twice.
func imageThatIsNotThere(t *testing.T, c *testCluster) {
	c.agent("pull", func(p *corev1.PodTemplateSpec) { p.Spec.Containers[0].Image = "registry.local/agent:v2-typo" })
	eventually(t, "pull", func() error {
		events, err := c.CoreV1().Events("pull").List(context.Background(),
			metav1.ListOptions{FieldSelector: "reason=Failed"})
		for _, e := range events.Items {
			if strings.HasPrefix(e.Message, "Failed to pull image") && e.Count >= 2 && e.Source.Component == "kubelet" {
				return err
			}
		}
		return fmt.Errorf("no second failed pull: %w", err)
	})
	eventually(t, "pull on all nodes", func() error {
		for _, pod := range c.pods("pull") {
			s := pod.Status.ContainerStatuses
			if len(s) != 1 || s[0].State.Waiting == nil || !strings.Contains(s[0].State.Waiting.Reason, "ImagePull") ||
				pod.Status.Phase != corev1.PodPending {
				return fmt.Errorf("%s: %+v", pod.Name, pod.Status)
			}
		}
		return nil
	})
}

// An agent waits for its ConfigMap and starts when somebody has made it.
func configMapThatComesLater(t *testing.T, c *testCluster) {
	c.agent("configmap", func(p *corev1.PodTemplateSpec) {
		p.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: "settings"},
		}}}
	})
	eventually(t, "configmap", func() error {
		for _, pod := range c.pods("configmap") {
			if s := pod.Status.ContainerStatuses; len(s) == 1 && s[0].State.Waiting != nil &&
				s[0].State.Waiting.Reason == "CreateContainerConfigError" {
				return nil
			}
		}
		return fmt.Errorf("no CreateContainerConfigError")
	})
	settings := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "settings"}}
	if _, err := c.CoreV1().ConfigMaps("configmap").Create(context.Background(), settings,
		metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	c.waitForReady("configmap", 4)
}

// The DaemonSet controller replaces a pod that was evicted.
func evictedPodIsReplaced(_ *testing.T, c *testCluster) {
	c.agent("evicted", behave("evicted"))
	c.waitForEvent("evicted", "Evicted", "low on resource: memory")
	c.waitForEvent("evicted", "FailedDaemonPod", "Found failed daemon pod")
}

// A slow image is pulled as long as asked, a slow container ends as slowly as its grace period allows.
func slowStartAndStop(t *testing.T, c *testCluster) {
	start := time.Now()
	c.agent("slow", behave("slow-start=4s,slow-stop=3600s"))
	c.waitForReady("slow", 4)
	if took := time.Since(start); took < 4*time.Second {
		t.Errorf("Ready after %s", took)
	}
	pod := c.pods("slow")[0]
	start = time.Now()
	if err := c.CoreV1().Pods("slow").Delete(context.Background(), pod.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "deletion", func() error {
		for _, p := range c.pods("slow") {
			if p.UID == pod.UID {
				return fmt.Errorf("still there")
			}
		}
		return nil
	})
	if took := time.Since(start); took < 2900*time.Millisecond || took > 5*time.Minute {
		t.Errorf("gone after %s, want its grace period of 3 s and a little", took)
	}
}

// A trouble can be asked for on some nodes only.
func troubleOnOneNodeOnly(t *testing.T, c *testCluster) {
	c.agent("one-node", func(p *corev1.PodTemplateSpec) {
		p.Annotations["devcluster.daemongate.io/behaviour"] = "never-ready"
		p.Annotations["devcluster.daemongate.io/only-nodes"] = "node-002"
	})
	c.waitForReady("one-node", 3)
	if pod := c.podOn("one-node", "node-002"); isReady(&pod) {
		t.Error("the pod on node-002 is Ready")
	}
	c.waitForEvent("one-node", "Unhealthy", "Readiness probe failed")
}

// A node that was filled up has no room for an agent, until it is emptied.
func fullNode(t *testing.T, c *testCluster) {
	c.run("fill-node", "node-004", "--cpu=7800m")
	c.agent("full", func(p *corev1.PodTemplateSpec) {
		p.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("500m")}
	})
	c.waitForReady("full", 3)
	c.waitForEvent("full", "FailedScheduling", "1 Insufficient cpu")
	c.run("empty-node", "node-004")
	c.waitForReady("full", 4)
}

// Quotas hold: the DaemonSet controller cannot make pods, and says so.
func quotaForbidsPods(t *testing.T, c *testCluster) {
	ctx := context.Background()
	c.agent("quota", func(p *corev1.PodTemplateSpec) { p.Spec.NodeSelector = map[string]string{"none": "yet"} })
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "none"}, Spec: corev1.ResourceQuotaSpec{
		Hard: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("0")},
	}}
	if _, err := c.CoreV1().ResourceQuotas("quota").Create(ctx, quota, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "quota", func() error {
		q, err := c.CoreV1().ResourceQuotas("quota").Get(ctx, "none", metav1.GetOptions{})
		if err == nil && len(q.Status.Hard) == 0 {
			err = fmt.Errorf("not seen by its controller yet")
		}
		return err
	})
	c.change("quota", `{"spec":{"template":{"spec":{"nodeSelector":null}}}}`)
	c.waitForEvent("quota", "FailedCreate", "exceeded quota")
}

// A misspelt behaviour is said, and the agent is a healthy one.
func wordThatMakesNoSense(_ *testing.T, c *testCluster) {
	c.agent("bad-word", behave("crsh"))
	c.waitForEvent("bad-word", "DevclusterBehaviour", `"crsh" is none of`)
	c.waitForReady("bad-word", 4)
}

// A Job's pod ends by itself, and the Job with it.
func jobFinishes(t *testing.T, c *testCluster) {
	ctx := context.Background()
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "job-finishes"}, Spec: batchv1.JobSpec{
		Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever,
			Containers:    []corev1.Container{{Name: "migrate", Image: "registry.local/migrate:v1"}},
		}},
	}}
	if _, err := c.BatchV1().Jobs("default").Create(ctx, job, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Job", func() error {
		job, err := c.BatchV1().Jobs("default").Get(ctx, "job-finishes", metav1.GetOptions{})
		if err == nil && job.Status.Succeeded != 1 {
			err = fmt.Errorf("%+v", job.Status)
		}
		return err
	})
}

func (c *testCluster) daemonSet(namespace string) appsv1.DaemonSetStatus {
	c.t.Helper()
	ds, err := c.AppsV1().DaemonSets(namespace).Get(context.Background(), "agent", metav1.GetOptions{})
	if err != nil {
		c.t.Fatal(err)
	}
	return ds.Status
}

// change patches the namespace's agent.
func (c *testCluster) change(namespace, patch string) {
	c.t.Helper()
	_, err := c.AppsV1().DaemonSets(namespace).
		Patch(context.Background(), "agent", types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		c.t.Fatal(err)
	}
}
