package manifests

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Reason is why the cluster does not take an object.
type Reason string

// The reasons of a Rejected.
const (
	ReasonForbidden   Reason = "Forbidden"   // the writer's rights do not suffice
	ReasonInvalid     Reason = "Invalid"     // the object breaks its schema or its validation
	ReasonDenied      Reason = "Denied"      // an admission plugin, policy or webhook said no
	ReasonImmutable   Reason = "Immutable"   // a field that cannot change on an existing object would change
	ReasonUnknownKind Reason = "UnknownKind" // neither the cluster nor the set defines the kind
	ReasonNotFound    Reason = "NotFound"    // something that the object needs is missing, mostly its namespace
	ReasonOwned       Reason = "Owned"       // the object belongs to another Sync
)

// Rejected says that the cluster will not take an object until the object, or the writer's rights, change.
type Rejected struct {
	Object  ID
	Reason  Reason
	Message string // what is wrong and what to do; never a Secret's value
}

func (r *Rejected) Error() string { return fmt.Sprintf("%s: %s", r.Object, r.Message) }

// Conflict says that another field manager owns fields which the object sets to another value.
type Conflict struct {
	Object  ID
	Manager string
	Fields  []string
}

func (c *Conflict) Error() string {
	return fmt.Sprintf("%s: field manager %q owns %s with another value: take the field out of Git, let %s let go of "+
		"it, or set apply.force to take it over",
		c.Object, c.Manager, strings.Join(c.Fields, ", "), c.Manager)
}

// unready says that the cluster is not ready for an object: time heals it.
type unready struct {
	object ID
	why    string
}

func (u *unready) Error() string { return fmt.Sprintf("%s: %s", u.object, u.why) }

// Temporary reports whether the API server, the network or the time is to blame and not an object: the same set may be
// accepted when it is tried again. A set in which any object is Rejected or in Conflict is not temporary.
func Temporary(err error) bool {
	if err == nil {
		return false
	}
	var rejected *Rejected
	var conflict *Conflict
	if errors.As(err, &rejected) || errors.As(err, &conflict) {
		return false
	}
	return transient(err)
}

func transient(err error) bool {
	var (
		notReady *unready
		address  *url.Error
		network  net.Error
		status   apierrors.APIStatus
	)
	switch {
	case errors.As(err, &notReady), errors.As(err, &address), errors.As(err, &network),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return true
	case errors.As(err, &status):
		return transientStatus(status.Status())
	}
	return false
}

func transientStatus(s metav1.Status) bool {
	switch {
	case s.Code >= http.StatusInternalServerError:
		return true
	case s.Code == http.StatusTooManyRequests, s.Code == http.StatusRequestTimeout:
		return true
	case s.Code == http.StatusConflict:
		return len(fieldConflicts(s)) == 0
	case s.Code == http.StatusUnauthorized:
		return true // credentials expire and are renewed; no object is at fault
	}
	return false
}

// fieldConflicts are the causes that tell a server-side apply conflict from a resourceVersion conflict: both are 409.
func fieldConflicts(s metav1.Status) []metav1.StatusCause {
	if s.Details == nil {
		return nil
	}
	var causes []metav1.StatusCause
	for _, c := range s.Details.Causes {
		if c.Type == metav1.CauseTypeFieldManagerConflict {
			causes = append(causes, c)
		}
	}
	return causes
}

// mishaps are what went wrong with some objects. Whoever takes them apart finds each of them.
type mishaps struct {
	objects []ID
	errors  []error
}

// joined joins what went wrong with each object; nil if nothing did.
func joined(objects []*unstructured.Unstructured, problems []error) error {
	m := &mishaps{}
	for i, err := range problems {
		if err != nil {
			m.objects, m.errors = append(m.objects, IDOf(objects[i])), append(m.errors, err)
		}
	}
	if len(m.errors) == 0 {
		return nil
	}
	return m
}

func (m *mishaps) Unwrap() []error { return m.errors }

// mishapsNamed is how many objects are named with which the same went wrong.
const mishapsNamed = 3

// Error has a line for each object, and one for all those with which the same went wrong if they are many.
func (m *mishaps) Error() string {
	alike := map[string][]int{}
	keys := make([]string, len(m.errors))
	for i, err := range m.errors {
		id := m.objects[i]
		keys[i] = strings.ReplaceAll(strings.Replace(err.Error(), id.String(), "", 1), `"`+id.Name+`"`, `""`)
		alike[keys[i]] = append(alike[keys[i]], i)
	}
	var lines []string
	for i, err := range m.errors {
		switch same := alike[keys[i]]; {
		case len(same) <= mishapsNamed:
			lines = append(lines, err.Error())
		case same[0] == i:
			lines = append(lines, strings.Replace(err.Error(), m.objects[i].String(), m.named(same), 1))
		}
	}
	return strings.Join(lines, "\n")
}

// named names the first of some objects, and says how many more there are.
func (m *mishaps) named(objects []int) string {
	names := make([]string, mishapsNamed)
	for i := range names {
		names[i] = m.objects[objects[i]].String()
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names, ", "), len(objects)-mishapsNamed)
}
