package sync

import (
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// until waits for what the cluster must come to.
func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	w.wait(what, func(api.SyncStatus) bool { return holds() })
}

// limitCPU allows the pods of the namespace one CPU in all.
func (w *world) limitCPU() { w.limit(corev1.ResourceRequestsCPU, "1") }

// limit allows the pods of the namespace so much of a resource in all, until lift is called.
func (w *world) limit(of corev1.ResourceName, most string) (lift func()) {
	w.t.Helper()
	quotas := w.kube.CoreV1().ResourceQuotas(w.namespace)
	_, err := quotas.Create(w.t.Context(), &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "limit"},
		Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{of: resource.MustParse(most)}}},
		metav1.CreateOptions{})
	w.check(err)
	w.until("the quota", func() bool {
		q, err := quotas.Get(w.t.Context(), "limit", metav1.GetOptions{})
		w.check(err)
		return len(q.Status.Hard) > 0
	})
	return func() { w.check(quotas.Delete(w.t.Context(), "limit", metav1.DeleteOptions{})) }
}

// allowsUpdates has an admission policy refuse updates of the DaemonSets of the namespace but those that an expression
// allows, with a message, until it is lifted. Whoever calls it waits until the API server knows it.
func (w *world) allowsUpdates(expression, message string) (lift func()) {
	w.t.Helper()
	policies, name := w.kube.AdmissionregistrationV1(), w.namespace
	_, err := policies.ValidatingAdmissionPolicies().Create(w.t.Context(), &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{
				NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: w.namespace}},
				ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Update},
					Rule: admissionv1.Rule{APIGroups: []string{"apps"}, APIVersions: []string{"v1"},
						Resources: []string{"daemonsets"}},
				}}},
			},
			Validations: []admissionv1.Validation{{Expression: expression, Message: message}},
		},
	}, metav1.CreateOptions{})
	w.check(err)
	_, err = policies.ValidatingAdmissionPolicyBindings().Create(w.t.Context(),
		&admissionv1.ValidatingAdmissionPolicyBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{PolicyName: name,
				ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny}},
		}, metav1.CreateOptions{})
	w.check(err)
	return func() {
		w.check(policies.ValidatingAdmissionPolicyBindings().Delete(w.t.Context(), name, metav1.DeleteOptions{}))
		w.check(policies.ValidatingAdmissionPolicies().Delete(w.t.Context(), name, metav1.DeleteOptions{}))
	}
}

// denyWrites has an admission policy refuse the DaemonSets of the namespace, but not in a dry run.
func (w *world) denyWrites() {
	w.allowsUpdates("request.dryRun", "the change freeze is on")
	w.until("the policy", func() bool {
		label := []byte(`{"metadata":{"labels":{"tried":"` + time.Now().Format("150405.000") + `"}}}`)
		_, err := w.kube.AppsV1().DaemonSets(w.namespace).Patch(w.t.Context(), "agent", "application/merge-patch+json",
			label, metav1.PatchOptions{})
		return err != nil
	})
}

// setImage is somebody's `kubectl set image`, by a tool that kubectl's managers are not.
func (w *world) setImage() {
	patch := []byte(`{"spec":{"template":{"spec":{"containers":[{"name":"agent","image":"registry.local/agent:v9"}]}}}}`)
	_, err := w.kube.AppsV1().DaemonSets(w.namespace).Patch(w.t.Context(), "agent",
		"application/strategic-merge-patch+json", patch,
		metav1.PatchOptions{FieldManager: "intruder"})
	w.check(err)
}

func (w *world) deleteAgent() {
	w.check(w.kube.AppsV1().DaemonSets(w.namespace).Delete(w.t.Context(), "agent", metav1.DeleteOptions{}))
}

// killNode ends the kubelet of a node of zone c, and waits until that is noticed.
func (w *world) killNode() {
	w.check(w.cluster.Devcluster("fail-node", "node-003"))
	w.until("node-003 to be NotReady", func() bool {
		n, err := w.kube.CoreV1().Nodes().Get(w.t.Context(), "node-003", metav1.GetOptions{})
		w.check(err)
		for _, c := range n.Status.Conditions {
			if c.Type == corev1.NodeReady {
				return c.Status != corev1.ConditionTrue
			}
		}
		return false
	})
}

// loseNode ends the kubelet of a node of zone b as soon as the new pod is there.
func (w *world) loseNode() {
	w.until("the new pod on node-002", func() bool {
		pods, err := w.kube.CoreV1().Pods(w.namespace).List(w.t.Context(),
			metav1.ListOptions{FieldSelector: "spec.nodeName=node-002"})
		w.check(err)
		for _, p := range pods.Items {
			if p.Spec.Containers[0].Image == "registry.local/agent:v2" {
				return true
			}
		}
		return false
	})
	w.check(w.cluster.Devcluster("fail-node", "node-002"))
}
