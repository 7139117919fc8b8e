package manifests

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

var (
	agentID    = ID{Group: "apps", Kind: "DaemonSet", Namespace: "platform", Name: "agent"}
	secretID   = ID{Kind: "Secret", Namespace: "platform", Name: "key"}
	daemonSets = schema.GroupResource{Group: "apps", Resource: "daemonsets"}
)

// Each kind of answer is blamed on who is to blame, and always names the object first.
func TestAnswersAreBlamedOnWhoIsToBlame(t *testing.T) {
	fieldConflict := apierrors.NewApplyConflict([]metav1.StatusCause{
		{Type: metav1.CauseTypeFieldManagerConflict,
			Message: `conflict with "a \"b\"" using apps/v1 at 2026-11-24T01:00:00Z`, Field: ".spec.x"},
	}, "Apply failed")
	for name, answer := range map[string]struct {
		err       error
		temporary bool
		says      string
	}{
		"field manager": {fieldConflict, false, `field manager "a \"b\"" owns .spec.x`},
		"resourceVersion": {apierrors.NewConflict(daemonSets, "agent", errors.New("object has been modified")),
			true, "modified"},
		"server timeout":    {apierrors.NewServerTimeout(daemonSets, "patch", 1), true, ""},
		"gateway timeout":   {apierrors.NewTimeoutError("timeout", 1), true, ""},
		"too many requests": {apierrors.NewTooManyRequests("slow down", 1), true, ""},
		"webhook not there": {apierrors.NewInternalError(errors.New(`failed calling webhook "policy.example.com": connection refused`)), true, "policy.example.com"},
		"token expired":     {apierrors.NewUnauthorized("expired"), true, ""},
		"webhook says no":   {apierrors.NewForbidden(daemonSets, "agent", errors.New(`x`)), false, "denied"},
		"no rights, no reason": {&apierrors.StatusError{ErrStatus: metav1.Status{Code: 403,
			Reason: metav1.StatusReasonForbidden}}, false, "no explanation"},
		"schema, as a 500": {apierrors.NewInternalError(errors.New("failed to create typed patch object (p/agent; " +
			"apps/v1, Kind=DaemonSet): .spec.foo: field not declared in schema")), false,
			"schema: .spec.foo: field not declared"},
		"network":        {&url.Error{Op: "Patch", URL: "https://x", Err: io.ErrUnexpectedEOF}, true, "EOF"},
		"stopped":        {context.Canceled, true, "canceled"},
		"something else": {errors.New("cannot encode"), false, "cannot encode"},
		"two fixed fields": {apierrors.NewInvalid(schema.GroupKind{Group: "apps", Kind: "DaemonSet"}, "agent",
			field.ErrorList{
				field.Forbidden(field.NewPath("spec", "podManagement"), "field is immutable"),
				field.Invalid(field.NewPath("spec", "other"), 1, "must be 2"),
			}), false, "spec.podManagement cannot change on an existing DaemonSet: put the old value back, give the " +
			"object another name, or delete it so that it is created anew; it is also invalid: spec.other: Invalid " +
			"value: 1: must be 2"},
	} {
		t.Run(name, func(t *testing.T) {
			err := refusal(agentID, answer.err, "")
			if !strings.HasPrefix(err.Error(), "DaemonSet platform/agent: ") || !strings.Contains(err.Error(),
				answer.says) {
				t.Errorf("it says %q", err)
			}
			if Temporary(err) != answer.temporary {
				t.Errorf("temporary %t: %v", !answer.temporary, err)
			}
		})
	}
}

// One rejected object settles the matter for its set, whatever else went wrong; trouble alone is tried again.
func TestASetIsTemporaryOnlyIfNoObjectIsAtFault(t *testing.T) {
	trouble := refusal(agentID, apierrors.NewServerTimeout(daemonSets, "patch", 1), "")
	rejected := &Rejected{agentID, ReasonInvalid, "is invalid"}
	conflict := &Conflict{agentID, "x", []string{".spec"}}
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"nothing":          {nil, false},
		"trouble":          {errors.Join(trouble, &unready{agentID, "is being deleted"}), true},
		"trouble, wrapped": {fmt.Errorf("apply: %w", trouble), true},
		"rejected too":     {errors.Join(trouble, fmt.Errorf("apply: %w", rejected)), false},
		"in conflict too":  {errors.Join(trouble, errors.Join(conflict)), false},
	} {
		if got := Temporary(c.err); got != c.want {
			t.Errorf("%s: temporary %t", name, got)
		}
	}
}

// Whatever the API server says about a Secret, and with whatever code, its words are not repeated.
func TestNoAnswerAboutASecretIsRepeated(t *testing.T) {
	const value = "hunter2"
	causes := &metav1.StatusDetails{Causes: []metav1.StatusCause{{Field: "data[a]", Message: "Invalid value: " +
		value}}}
	for code := range map[int32]bool{400: true, 403: true, 404: true, 409: true, 413: true, 422: true, 429: true,
		500: true, 503: true} {
		for _, text := range []string{value, "is forbidden: " + value, "x is invalid: " + value,
			"admission webhook \"x\" denied the request: " + value, "failed to create typed patch object (x): " +
				value} {
			for _, details := range []*metav1.StatusDetails{nil, causes} {
				err := refusal(secretID, &apierrors.StatusError{ErrStatus: metav1.Status{Code: code, Message: text,
					Details: details}}, "")
				for e := err; e != nil; e = errors.Unwrap(e) {
					if strings.Contains(fmt.Sprintf("%v %+v %#v", e, e, e), value) {
						t.Errorf("code %d, %q: the error holds the value: %v", code, text, e)
					}
				}
			}
		}
	}
}

// What is said of many objects alike is said once, with the first of them and how many more there are; what is
// said of a few, or of one otherwise, is said of each. Each error is still there.
func TestTheSameIsSaidOnce(t *testing.T) {
	t.Parallel()
	var objects []*unstructured.Unstructured
	var problems []error
	add := func(kind, name, says string) {
		u := &unstructured.Unstructured{}
		u.SetKind(kind)
		u.SetNamespace("a")
		u.SetName(name)
		objects, problems = append(objects, u), append(problems, nil)
		if says != "" {
			problems[len(problems)-1] = &Rejected{Object: IDOf(u), Message: says}
		}
	}
	for i := range 160 {
		name := fmt.Sprintf("c%d", i)
		add("ConfigMap", name, fmt.Sprintf("configmaps %q is forbidden", name))
		add("Secret", name, "")
	}
	add("ConfigMap", "odd", "is odd")
	for _, name := range []string{"x", "y", "z"} {
		add("Role", name, "is refused")
	}
	err := joined(objects, problems)
	want := `ConfigMap a/c0, ConfigMap a/c1, ConfigMap a/c2 and 157 more: configmaps "c0" is forbidden
ConfigMap a/odd: is odd
Role a/x: is refused
Role a/y: is refused
Role a/z: is refused`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	var several interface{ Unwrap() []error }
	var rejected *Rejected
	is := errors.As(err, &several)
	if !is || len(several.Unwrap()) != 164 || !errors.As(err, &rejected) || Temporary(err) {
		t.Errorf("what is joined cannot be taken apart: %v", is)
	}
	if err := joined(objects[1:2], problems[1:2]); err != nil {
		t.Errorf("nothing went wrong: %v", err)
	}
}
