package judge

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/podtest"
)

// quotaStory is a fleet of three nodes of which one has no pod, because of a quota.
func quotaStory(t *testing.T, refusal string) *fleet {
	f := newFleet(t, 3).image("v2")
	f.gone("node-1")
	f.event(f.ds, "DaemonSet", "FailedCreate", `Error creating: pods "agent-x7k2p" is forbidden: `+refusal)
	return f.after(30 * time.Second)
}

// A quota that is used up is named with its figures and with what it would have to be raised to, also once the deadline
// has passed: it leads over NoProgress.
func TestAQuotaIsNamedWithItsFigures(t *testing.T) {
	f := quotaStory(t, "exceeded quota: small, requested: pods=1,requests.cpu=500m, used: pods=2,requests.cpu=4, "+
		"limited: pods=2,requests.cpu=4200m")
	for range 2 {
		c := f.want(rollout.Stuck, rollout.Forbidden).Causes[0]
		for _, said := range []string{"exceeded quota: small", "a pod asks for pods 1, 2 of 2 is used",
			"requests.cpu 500m, 4 of 4200m is used"} {
			if !strings.Contains(c.Message, said) {
				t.Errorf("%q is not said: %s", said, c.Message)
			}
		}
		for _, said := range []string{"for 1 node without a pod: pods to 3, requests.cpu to 4500m at least",
			"kubectl -n platform edit resourcequota small"} {
			if !strings.Contains(c.Remedy, said) {
				t.Errorf("%q is not said: %s", said, c.Remedy)
			}
		}
		f.after(time.Hour) // long past the deadline
	}
	f.gone("node-3")
	if c := f.want(rollout.Stuck, rollout.Forbidden).Causes[0]; !strings.Contains(c.Remedy,
		"for 2 nodes without a pod: pods to 4, requests.cpu to 5") {
		t.Errorf("%+v", c)
	}
}

// If the quotas are known, the present figures are said beside those of the refusal; where there is room by now,
// nothing need be raised.
func TestAQuotasPresentFigures(t *testing.T) {
	f := quotaStory(t, "exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2")
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: "small"}}
	judge := func(hard, used string) rollout.Cause {
		quota.Status = corev1.ResourceQuotaStatus{Hard: podtest.Quantities("pods=" + hard),
			Used: podtest.Quantities("pods=" + used)}
		l := f.look()
		l.Quotas = []*corev1.ResourceQuota{quota}
		j, _ := bothWays(l, f.target, f.memory, f.options)
		return j.Causes[0]
	}
	if c := judge("2", "2"); strings.Contains(c.Message, "now") || !strings.Contains(c.Remedy, "pods to 3") {
		t.Errorf("%+v", c)
	}
	if c := judge("4", "4"); !strings.Contains(c.Message, "2 of 2 is used (now 4 of 4)") ||
		!strings.Contains(c.Remedy, "pods to 5") {
		t.Errorf("%+v", c)
	}
	if c := judge("4", "2"); !strings.Contains(c.Message, "now 2 of 4") ||
		!strings.Contains(c.Remedy, "There is room again") {
		t.Errorf("%+v", c)
	}
}

// A quota that asks for figures which the pod does not give is no quota to be raised.
func TestAQuotaThatWantsFigures(t *testing.T) {
	c := quotaStory(t, "failed quota: strict: must specify limits.cpu for: agent; limits.memory for: agent").want(rollout.Stuck, rollout.Forbidden).Causes[0]
	if !strings.Contains(c.Message, "ResourceQuota strict asks every pod of the namespace to say limits.cpu") ||
		!strings.Contains(c.Remedy, "into Git") {
		t.Errorf("%+v", c)
	}
	c = quotaStory(t, "insufficient quota to match these scopes: [{PriorityClass In [system-node-critical]}]").want(rollout.Stuck, rollout.Forbidden).Causes[0]
	if !strings.Contains(c.Message, "PriorityClass In") || !strings.Contains(c.Remedy, "describe quota") {
		t.Errorf("%+v", c)
	}
}

// The DaemonSet controller may wait for minutes before it tries again, also over a commit that brings what was missing
// and leaves the DaemonSet alone. Such a commit says what it waits for and how to have it tried at once, is not stuck
// for what was refused before it, and still says so at the deadline.
func TestACommitThatWaitsForTheNextTry(t *testing.T) {
	const refusal = `Error creating: pods "agent-x" is forbidden: pod rejected: RuntimeClass "kata" not found`
	const now = "kubectl -n platform annotate daemonset agent --overwrite tried=$(date +%s)"
	f := newFleet(t, 3).image("v2")
	f.gone("node-1")
	f.after(time.Second).event(f.ds, "DaemonSet", "FailedCreate", refusal)
	says(t, f.after(time.Minute).want(rollout.Stuck, rollout.Forbidden).Causes[0], now, "!nobody has tried")
	beside := func() {
		f.target.AppliedAt, f.memory = f.after(time.Minute).now, rollout.Memory{}
	}
	beside()
	says(t, f.want(rollout.Progressing, rollout.Forbidden).Causes[0], "nobody has tried",
		`RuntimeClass "kata" not found`, now)
	f.after(10*time.Minute).want(rollout.Progressing, rollout.Forbidden)
	says(t, f.after(10*time.Minute).want(rollout.Stuck, rollout.Forbidden).Causes[0], "nobody has tried", now)

	beside()
	f.after(time.Second).event(f.ds, "DaemonSet", "FailedCreate", refusal) // tried in vain
	f.want(rollout.Progressing, rollout.Forbidden)
	says(t, f.after(time.Minute).want(rollout.Stuck, rollout.Forbidden).Causes[0], "!nobody has tried")

	beside()
	f.runs(f.replace("node-1"))
	if j := f.judge(); len(j.Causes) > 0 && j.Causes[0].Code == rollout.Forbidden {
		t.Errorf("a pod was made: %+v", j.Causes)
	}
	f.gone("node-1")
	f.image("v3")
	if j := f.judge(); len(j.Causes) > 0 && j.Causes[0].Code == rollout.Forbidden {
		t.Errorf("another template was refused: %+v", j.Causes)
	}
}

// To ask for less does not help while the pods of the present template hold the quota: their deletion is named. A quota
// of pods asks nothing of them.
func TestWhoHoldsAQuotaIsDeleted(t *testing.T) {
	refused := func(holds bool) (c rollout.Cause, hash string) {
		f := newFleet(t, 3).image("v2")
		f.gone("node-1")
		if holds {
			hash = f.runs(f.replace("node-2")).Labels[fact.HashLabel]
		}
		f.event(f.ds, "DaemonSet", "FailedCreate",
			`Error creating: pods "a" is forbidden: exceeded quota: small, requested: requests.cpu=500m, used: requests.cpu=1, limited: requests.cpu=1`)
		return f.after(time.Minute).want(rollout.Stuck, rollout.Forbidden).Causes[0], hash
	}
	c, _ := refused(false)
	says(t, c, "or ask for less in Git", "!delete pods")
	c, hash := refused(true)
	says(t, c, "edit resourcequota small", "for 1 node without a pod: requests.cpu to 1500m at least",
		"or ask for less in Git",
		"kubectl -n platform delete pods -l "+fact.HashLabel+"="+hash)

	says(t, quotaStory(t, "exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2").want(rollout.Stuck,
		rollout.Forbidden).Causes[0], "pods to 3", "!ask for less")
}
