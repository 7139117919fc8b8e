package judge

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// claimCases are pods that wait for what is not there, as the scheduler and the controllers tell it.
var claimCases = map[string]struct {
	show    func(f *fleet, p *corev1.Pod)
	code    rollout.Code
	says    string
	advises string
}{
	"a ResourceClaim that the pod names is missing": {func(_ *fleet, p *corev1.Pod) {
		p.Spec.ResourceClaims = []corev1.PodResourceClaim{{Name: "gpu", ResourceClaimName: ptrTo("gpu-claim")}}
	}, rollout.NotScheduled, "waits for ResourceClaim gpu-claim (claim gpu)",
		"put ResourceClaim gpu-claim (claim gpu) into Git"},
	"a ResourceClaimTemplate is missing": {func(f *fleet, p *corev1.Pod) {
		p.Spec.ResourceClaims = []corev1.PodResourceClaim{{Name: "gpu", ResourceClaimTemplateName: ptrTo("one-gpu")}}
		f.event(p, "Pod", "FailedResourceClaimCreation",
			`PodResourceClaim gpu: resource claim template "one-gpu": resourceclaimtemplate.resource.k8s.io "one-gpu" not found`)
	}, rollout.NotScheduled, `not made from ResourceClaimTemplate one-gpu (claim gpu): PodResourceClaim gpu: resource claim template "one-gpu"`, "Put ResourceClaimTemplate one-gpu (claim gpu) into Git"},
	"a ResourceClaim is not made, without a word": {func(_ *fleet, p *corev1.Pod) {
		p.Spec.ResourceClaims = []corev1.PodResourceClaim{{Name: "nic", ResourceClaimTemplateName: ptrTo("nic")},
			{Name: "gpu", ResourceClaimTemplateName: ptrTo("one-gpu")}}
		p.Status.ResourceClaimStatuses = []corev1.PodResourceClaimStatus{{Name: "nic",
			ResourceClaimName: ptrTo("agent-nic-x")}}
	}, rollout.NotScheduled, "not made from ResourceClaimTemplate one-gpu (claim gpu)", "kube-controller-manager"},
	"a scheduler that nobody runs": {func(_ *fleet, p *corev1.Pod) { p.Spec.SchedulerName = "batch" },
		rollout.NotScheduled, "scheduler batch has not looked", "take that out"},
	"the scheduler misses a ResourceClaim": {func(f *fleet, p *corev1.Pod) {
		f.condition(p, corev1.PodScheduled, corev1.ConditionFalse, "Unschedulable",
			`0/3 nodes are available: resourceclaim.resource.k8s.io "gpu-claim" not found. preemption: none.`)
	}, rollout.Unschedulable, "waits for ResourceClaim gpu-claim, which does not exist", "resourceClaimName"},
	"a PersistentVolumeClaim is missing": {func(f *fleet, p *corev1.Pod) {
		f.condition(p, corev1.PodScheduled, corev1.ConditionFalse, "Unschedulable",
			`0/3 nodes are available: persistentvolumeclaim "data" not found. not found`)
	}, rollout.Unschedulable, "waits for PersistentVolumeClaim data, which does not exist",
		"Put PersistentVolumeClaim data into Git"},
	"the claim of an ephemeral volume is not made": {func(f *fleet, p *corev1.Pod) {
		f.condition(p, corev1.PodScheduled, corev1.ConditionFalse, "Unschedulable",
			`0/3 nodes are available: waiting for ephemeral volume controller to create the persistentvolumeclaim "agent-4-scratch". not found`)
	}, rollout.Unschedulable, "waits for PersistentVolumeClaim agent-4-scratch", "describe pod"},
	"a PersistentVolumeClaim is not bound": {func(f *fleet, p *corev1.Pod) {
		f.condition(p, corev1.PodScheduled, corev1.ConditionFalse, "Unschedulable",
			"0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found")
	}, rollout.Unschedulable, "to be bound", "describe pvc"},
}

func ptrTo[T any](v T) *T { return &v }

// waitsFor is a fleet whose new pod on node-1 is with the scheduler.
func waitsFor(t testing.TB, show func(f *fleet, p *corev1.Pod)) *fleet {
	f, p := unready(t)
	f.pending(p, "")
	scheduled := *fact.PodCondition(p, corev1.PodScheduled)
	show(f, p)
	if *fact.PodCondition(p, corev1.PodScheduled) == scheduled {
		p.Status.Conditions = p.Status.Conditions[:1] // the scheduler says nothing
	}
	return f
}

var _ = playClaims()

func playClaims() (all bool) {
	for title, c := range claimCases {
		all = plays(title, func(t testing.TB) rollout.Judgement {
			f := waitsFor(t, c.show)
			f.judge()
			return f.after(2 * time.Minute).judge()
		})
	}
	return all
}

// A pod that waits for a claim is told by the claim, and not as one that the scheduler has not looked at or has no room
// for.
func TestAPodThatWaitsForAClaim(t *testing.T) {
	for name, c := range claimCases {
		t.Run(name, func(t *testing.T) {
			f := waitsFor(t, c.show)
			cause := f.want(rollout.Progressing, c.code).Causes[0]
			if !strings.Contains(cause.Message, c.says) || !strings.Contains(cause.Remedy, c.advises) ||
				strings.Contains(cause.Message, "no room") {
				t.Errorf("%s\n%s", cause.Message, cause.Remedy)
			}
			f.after(2*time.Minute).want(rollout.Stuck, c.code)
			kept, _ := bothWays(trimmed(f.look()), f.target, f.memory, f.options)
			if kept.Causes[0].Message != cause.Message {
				t.Errorf("of what is kept: %s", kept.Causes[0].Message)
			}
		})
	}
}

// An agent that exits with 0 is told what a DaemonSet is for, not to look for a crash.
func TestAnAgentThatExitsOnPurpose(t *testing.T) {
	f, p := unready(t)
	f.ends(f.runs(f.ends(f.runs(p), 0, "Completed")), 0, "Completed")
	if c := f.want(rollout.Stuck, rollout.CrashLoop).Causes[0]; !strings.Contains(c.Remedy, "init container") ||
		!strings.Contains(c.Remedy, "kubectl -n platform logs") {
		t.Errorf("%s", c.Remedy)
	}
}

var _ = plays("the agent exits with 0 once its work is done", func(t testing.TB) rollout.Judgement {
	f, p := unready(t)
	f.ends(f.runs(f.ends(f.runs(p), 0, "Completed")), 0, "Completed")
	return f.judge()
})
