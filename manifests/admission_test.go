package manifests

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// policy makes an admission policy of Kubernetes' own for the test's namespace that says no to what the expression
// names.
func (w *world) policy(resource, allowed, message string) {
	w.t.Helper()
	all := set(w.t, strings.NewReplacer("NS", w.ns, "RESOURCE", resource, "ALLOWED", allowed, "MESSAGE", message).Replace(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: NS}
spec:
  failurePolicy: Fail
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NS}}
    resourceRules: [{apiGroups: ["*"], apiVersions: ["*"], operations: [CREATE, UPDATE], resources: [RESOURCE]}]
  validations: [{expression: "ALLOWED", messageExpression: "MESSAGE"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: NS}
spec: {policyName: NS, validationActions: [Deny]}`))
	admin := Options{Owner: Owner{Namespace: "cluster", Name: "admins"}}
	s, err := w.client.Resolve(w.ctx, all, admin)
	if err == nil {
		_, err = w.client.Apply(w.ctx, s, admin)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { w.removeAll(all) })
}

// denied waits until the policy is in force and returns what it says to the set.
func (w *world) denied(s Set) *Rejected {
	w.t.Helper()
	var rejected *Rejected
	eventually(w.t, func() error {
		if err := w.client.DryRun(w.ctx, s, w.opts); !errors.As(err, &rejected) {
			return fmt.Errorf("not refused yet: %w", errors.Join(err, errors.New("policy")))
		}
		return nil
	})
	return rejected
}

// A policy's no is told from an invalid object, with its own words, before anything is written.
func TestAPolicysNoIsPassedOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.policy("daemonsets", "object.spec.template.spec.containers.all(c, c.image.contains('@'))",
		"'images must be pinned by digest'")
	s := w.set(agent)
	rejected := w.denied(s)
	if rejected.Reason != ReasonDenied || !strings.Contains(rejected.Message, "images must be pinned by digest") ||
		rejected.Object != w.id("DaemonSet", "agent") {
		t.Errorf("got %+v", rejected)
	}
	if w.live(w.id("ConfigMap", "agent")) != nil {
		t.Error("something was written")
	}
}

// A policy that quotes a Secret's value in its no is not quoted in turn.
func TestAPolicyThatTellsASecretIsNotQuoted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.policy("secrets", "!has(object.data) || !has(object.data.password)",
		"'the password is ' + string(object.data.password)")
	s := w.set("apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {password: hunter2}")
	rejected := w.denied(s)
	if rejected.Reason != ReasonDenied || strings.Contains(rejected.Error(), "hunter2") ||
		strings.Contains(rejected.Error(), "aHVudGVyMg") {
		t.Errorf("got %+v", rejected)
	}
}

// A webhook that does not answer is trouble of the cluster, not a no to the object.
func TestAWebhookThatDoesNotAnswerIsTrouble(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hook := set(t, strings.ReplaceAll(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: NS}
webhooks:
- name: policy.example.com
  sideEffects: None
  admissionReviewVersions: [v1]
  failurePolicy: Fail
  timeoutSeconds: 1
  clientConfig: {url: "https://127.0.0.1:1/"}
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NS}}
  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]`, "NS", w.ns))
	admin := Options{Owner: Owner{Namespace: "cluster", Name: "admins"}}
	if _, err := w.client.Apply(w.ctx, hook, admin); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.removeAll(hook) })
	s := w.set("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: agent}")
	eventually(t, func() error {
		err := w.client.DryRun(w.ctx, s, w.opts)
		if err == nil || !Temporary(err) || !strings.Contains(err.Error(), "policy.example.com") {
			return fmt.Errorf("not the webhook's trouble: %w", errors.Join(err, errors.New("webhook")))
		}
		return nil
	})
}

// removeAll cleans up what lives outside the test's namespace.
func (w *world) removeAll(s Set) {
	for _, o := range s.Objects() {
		t, err := w.client.locate(context.Background(), o, nil)
		if err != nil {
			continue
		}
		_ = w.client.resource(t).Delete(context.Background(), o.GetName(), metav1.DeleteOptions{})
	}
}

// What the API server warns of is collected by object and does not keep anything from being written.
func TestWarningsAreCollected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.by("person", ID{Kind: "Namespace", Name: w.ns},
		`{"metadata":{"labels":{"pod-security.kubernetes.io/warn":"restricted"}}}`)
	s := w.set(agent)
	var all []Warning
	eventually(t, func() error { // the API server learns of the label in its own time
		ctx, warnings := CollectWarnings(w.ctx)
		err := w.client.DryRun(ctx, s, w.opts)
		if all = warnings.List(); err == nil && len(all) == 0 {
			err = errors.New("no warning")
		}
		return err
	})
	if len(all) != 1 || all[0].Object != w.id("DaemonSet", "agent") || !strings.Contains(all[0].Text,
		"would violate PodSecurity") {
		t.Errorf("got %v", all)
	}
}
