package plan

import (
	"context"
	"errors"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/plan"
	"github.com/daemongate/daemongate/rollout/words"
)

// admit has the API server try the creation of one pod of the new template, and weighs the pod that comes of it. A
// refusal by admission is a finding. Where it cannot be tried the template is weighed.
func (c *cluster) admit(ctx context.Context, in *plan.Input) {
	if r := c.comesLater(ctx, in); r != "" {
		c.note("%s: admission could not be asked before %s is there", objectOf(in), r)
		return
	}
	pod, err := c.clients.Core.Pods(in.Next.Namespace).Create(ctx, trial(in), metav1.CreateOptions{
		DryRun: []string{metav1.DryRunAll}})
	if err == nil {
		in.Pod = pod
		c.noteAdmission(in.Next.Namespace)
		return
	}
	who, why := refuser(err)
	switch {
	case who == "":
		c.note("%s: admission could not be asked: %s", objectOf(in), why)
	case who == byQuota:
		c.note("%s: admission could not be asked beside the pods that are there: %s", objectOf(in), why)
		c.overQuota(in, why)
	default:
		in.Refused = append(in.Refused, plan.Refusal{By: who, Why: why,
			Remedy: "Meet in Git what " + who + " asks for: as it stands no pod of it can be made."})
	}
}

func objectOf(in *plan.Input) string { return "DaemonSet " + in.Next.Namespace + "/" + in.Next.Name }

// comesLater names what admission needs and what is not there yet: it would refuse the pod for that alone. What is
// missing altogether is told apart from this.
func (c *cluster) comesLater(ctx context.Context, in *plan.Input) string {
	needs := []plan.Reference{{Kind: "Namespace", Name: in.Next.Namespace}}
	for _, r := range plan.References(in.Next) {
		if r.Kind == "ServiceAccount" || r.Kind == "PriorityClass" || r.Kind == "RuntimeClass" {
			needs = append(needs, r)
		}
	}
	for _, r := range needs {
		m, asked := c.merged[idOf(r)]
		if asked && m.Live != nil {
			continue
		}
		live, err := c.reader.Get(ctx, idOf(r))
		switch brought := c.brings(r) != nil; {
		case err == nil && live == nil:
			return r.String()
		case err != nil && brought: // else the API server says so, if it is not there
			return r.String() + ", of which it is not known whether it"
		}
	}
	return ""
}

// trial is a pod as the DaemonSet controller makes it, for one of the nodes if they are known.
func trial(in *plan.Input) *corev1.Pod {
	t := in.Next.Spec.Template.DeepCopy()
	p := &corev1.Pod{ObjectMeta: t.ObjectMeta, Spec: t.Spec}
	p.Name, p.GenerateName, p.Namespace = "", in.Next.Name+"-", in.Next.Namespace
	if d := in.Current; d != nil {
		controls := true
		p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "DaemonSet", Name: d.Name, UID: d.UID,
			Controller: &controls}}
	}
	fits := fact.EligibilityOf(&in.Next.Spec.Template)
	for _, n := range in.Nodes {
		if fits.Refuses(n) == "" {
			pin(p, n.Name)
			break
		}
	}
	return p
}

// pin has a pod go to one node alone, as the DaemonSet controller does.
func pin(p *corev1.Pod, node string) {
	terms := []corev1.NodeSelectorTerm{{MatchFields: []corev1.NodeSelectorRequirement{{Key: metav1.ObjectNameField,
		Operator: corev1.NodeSelectorOpIn, Values: []string{node}}}}}
	if p.Spec.Affinity == nil {
		p.Spec.Affinity = &corev1.Affinity{}
	}
	if p.Spec.Affinity.NodeAffinity == nil {
		p.Spec.Affinity.NodeAffinity = &corev1.NodeAffinity{}
	}
	p.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution = &corev1.NodeSelector{
		NodeSelectorTerms: terms}
}

const byQuota = "ResourceQuota"

// refusers are who refuses a pod, by how they word it.
var refusers = []struct {
	says *regexp.Regexp
	who  string // $1 is what was found
}{
	{regexp.MustCompile(`^admission webhook "([^"]+)" denied the request`), "admission webhook $1"},
	{regexp.MustCompile(`ValidatingAdmissionPolicy '([^']+)'`), "ValidatingAdmissionPolicy $1"},
	{regexp.MustCompile(`exceeded quota: `), byQuota},
	{regexp.MustCompile(`failed quota: ([^:\s]+): must specify `), "ResourceQuota $1"},
	{regexp.MustCompile(`violates PodSecurity`), "Pod Security"},
	{regexp.MustCompile(`(?:maximum|minimum) .* (?:usage|limit|ratio)|must not specify|No (?:limit|request) is specified`),
		"LimitRange"},
}

// refuser is who refuses a pod and why; nobody if it could not be tried.
func refuser(err error) (who, why string) {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Code >= 500 || status.Status().Code == 429 {
		return "", words.Clip(err.Error(), 300)
	}
	why = words.Clip(generated.ReplaceAllString(status.Status().Message, ""), 400)
	if strings.HasPrefix(why, "User ") && strings.Contains(why, " cannot ") ||
		strings.Contains(why, "does not support dry run") || strings.Contains(why, "status unknown for quota") {
		return "", why
	}
	for _, r := range refusers {
		if found := r.says.FindStringSubmatchIndex(why); found != nil {
			return string(r.says.ExpandString(nil, r.who, why, found)), why
		}
	}
	if apierrors.IsForbidden(err) {
		return "admission", why
	}
	return apiServer, why
}

// generated is the beginning of an answer that names a pod which will never be.
var generated = regexp.MustCompile(`^(?:Pod|pods) "[^"]*" is (?:forbidden|invalid): |^pods is forbidden: `)
