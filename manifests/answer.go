package manifests

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/manifests/rights"
)

// refusal turns the API server's answer to a write of the object into what its reader can act on: a Rejected,
// Conflicts, or the trouble itself if the object is not to blame. A Secret's answer is never passed on: it may hold its
// values. As is in whose name it was written, empty for the process' own.
func refusal(id ID, err error, as string) error {
	var api apierrors.APIStatus
	if err == nil || !errors.As(err, &api) {
		return wrap(id, err)
	}
	status := api.Status()
	if causes := fieldConflicts(status); len(causes) > 0 {
		return conflicts(id, causes)
	}
	if isSecret(id) {
		status = withoutText(status)
	}
	switch {
	case isSchemaError(api.Status()):
		return &Rejected{id, ReasonInvalid, "does not fit its schema: " + schemaText(status.Message)}
	case apierrors.HasStatusCause(err, namespaceTerminating):
		return &unready{id, "its namespace is being deleted: waiting until it is gone"}
	case transientStatus(status):
		return fmt.Errorf("%s: %w", id, &apierrors.StatusError{ErrStatus: status})
	}
	reason, message := judge(id, api.Status(), status, as)
	return &Rejected{id, reason, message}
}

// refusal is that of what this client writes.
func (c *Client) refusal(id ID, err error) error { return refusal(id, err, c.as) }

const namespaceTerminating metav1.CauseType = "NamespaceTerminating" // corev1.NamespaceTerminatingCause

func wrap(id ID, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", id, err)
}

// judge sorts an answer that blames the object; told is the answer without what must not be said.
func judge(id ID, status, told metav1.Status, as string) (Reason, string) {
	switch {
	case strings.Contains(status.Message, "denied the request") || strings.Contains(status.Message, "denied request"):
		return ReasonDenied, "was denied by an admission check: " + told.Message
	case status.Code == http.StatusForbidden:
		return forbidden(id, status, told, as)
	case status.Code == http.StatusNotFound:
		return ReasonNotFound, told.Message + ": add it to Git or create it"
	case status.Code == http.StatusUnprocessableEntity:
		return invalid(id, told)
	}
	return ReasonInvalid, told.Message
}

// forbidden tells missing rights, which the answer names, from the admission plugins that answer with the same code.
func forbidden(id ID, status, told metav1.Status, as string) (Reason, string) {
	_, lacks, found := strings.Cut(told.Message, " is forbidden: ")
	if !found {
		lacks = told.Message
	}
	if rights.IsMissing(lacks) || lacks == withheld || lacks == "" {
		missing := rights.Missing{As: as, Said: status.Message, Namespace: id.Namespace}
		if d := status.Details; d != nil {
			missing.Group, missing.Resource = d.Group, d.Kind // of a kind an answer of this code names the resource
		}
		return ReasonForbidden, fmt.Sprintf("is forbidden: %s; %s", orUnexplained(lacks), missing.Advice())
	}
	if strings.Contains(lacks, "attempting to grant RBAC permissions not currently held") {
		return ReasonForbidden, "grants rights that its writer does not hold itself: " + lacks
	}
	return ReasonDenied, "was denied by an admission check: " + lacks
}

func orUnexplained(text string) string {
	if text == "" {
		return "the API server gave no explanation"
	}
	return text
}

// invalid tells what can be repaired in Git alone from what cannot change on an existing object.
func invalid(id ID, status metav1.Status) (Reason, string) {
	fixed, others := causesOf(status)
	if len(fixed) == 0 {
		return ReasonInvalid, "is invalid: " + trimPrefixTo(status.Message, " is invalid: ")
	}
	also := ""
	if len(others) > 0 {
		also = "; it is also invalid: " + strings.Join(others, ", ")
	}
	if isDaemonSet(id) && slices.Contains(fixed, "spec.selector") {
		return ReasonImmutable, fmt.Sprintf("spec.selector cannot change on an existing DaemonSet: put the old "+
			"selector back, give the DaemonSet another name, or set apply.recreate: Orphan in the Sync, which "+
			"deletes it without its pods and lets a new one adopt them%s", also)
	}
	return ReasonImmutable, fmt.Sprintf("%s cannot change on an existing %s: put the old value back, give the object "+
		"another name, or delete it so that it is created anew%s",
		strings.Join(fixed, ", "), id.Kind, also)
}

// causesOf tells the fields of an invalid object that cannot change from its other faults.
func causesOf(s metav1.Status) (fixed, others []string) {
	if s.Details == nil {
		return nil, nil
	}
	for _, c := range s.Details.Causes {
		switch {
		case !immutableText(c.Message):
			others = append(others, strings.TrimSuffix(c.Field+": "+c.Message, ": "))
		case !slices.Contains(fixed, c.Field):
			fixed = append(fixed, c.Field)
		}
	}
	return fixed, others
}

// immutableText recognises the texts with which Kubernetes' validation refuses a change as such.
func immutableText(message string) bool {
	for _, mark := range []string{"immutable", "may not change once set", "cannot change", "may not be changed",
		"updates to ", "updates may not change"} {
		if strings.Contains(message, mark) {
			return true
		}
	}
	return false
}

// isSchemaError recognises what the API server answers, with code 500, to an object that its schema does not know.
func isSchemaError(s metav1.Status) bool {
	return strings.Contains(s.Message, "failed to create typed patch object") ||
		strings.Contains(s.Message, "failed to convert new object")
}

// schemaText cuts what only a developer of the API server understands off such an answer.
func schemaText(message string) string {
	text := trimPrefixTo(trimPrefixTo(message, "): "), "to proper version: ")
	if strings.HasPrefix(text, "unable to convert unstructured object to ") {
		text = trimPrefixTo(text, ": ")
	}
	return goValue.ReplaceAllString(text, "$1")
}

var goValue = regexp.MustCompile(`&value\.valueUnstructured\{Value:([^}]*)\}`)

func trimPrefixTo(text, mark string) string {
	if _, rest, found := strings.Cut(text, mark); found {
		return rest
	}
	return text
}

// conflicts makes one Conflict per field manager, in the order of the answer.
func conflicts(id ID, causes []metav1.StatusCause) error {
	var all []error
	byManager := map[string]*Conflict{}
	for _, cause := range causes {
		manager := managerIn(cause.Message)
		if byManager[manager] == nil {
			byManager[manager] = &Conflict{Object: id, Manager: manager}
			all = append(all, byManager[manager])
		}
		byManager[manager].Fields = append(byManager[manager].Fields, cause.Field)
	}
	return errors.Join(all...)
}

// managerIn takes the name out of `conflict with "kubectl-edit" using apps/v1 at …`.
func managerIn(message string) string {
	rest := strings.TrimPrefix(message, "conflict with ")
	quoted, err := strconv.QuotedPrefix(rest)
	if err != nil {
		return rest
	}
	name, err := strconv.Unquote(quoted)
	if err != nil {
		return rest
	}
	return name
}
