package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

const manager = "daemongate-migrate"

// pageSize is how many objects are read at once: one of a large set may take a megabyte.
const pageSize = 50

// tries is how often an object is written that somebody else writes at the same moment.
const tries = 20

var definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1",
	Resource: "customresourcedefinitions"}

// Outcome is what became of an object.
type Outcome string

// The outcomes of objects.
const (
	Written Outcome = "written" // or would be, in a dry run, if it is not stored so
	Already Outcome = "already" // stored so
	Gone    Outcome = "gone"    // deleted meanwhile
	Refused Outcome = "refused" // by the API server, or because it would lose fields
)

// Options say how objects are migrated.
type Options struct {
	DryRun bool // ask the API server whether it would take everything, and have it store nothing
	// Each, if it is not nil, is called for each object with NAMESPACE/NAME and what became of it.
	Each func(name string, outcome Outcome)
}

// Done is what a migration came to.
type Done struct {
	Kind    string
	Version string   // in which the objects are stored
	Older   []string // in which objects may have been stored before
	Count   map[Outcome]int
	Trimmed bool // the definition says that all is stored in Version; in a dry run: it would
}

// Migrate writes every object of a definition back as it is, so that it is stored in the version that the definition
// stores, and then has the definition say so: status.storedVersions. What was interrupted is done by the next call,
// in which the API server stores nothing of an object that is stored so already. The error says which objects were
// refused, and then the definition is left as it is.
func Migrate(ctx context.Context, config *rest.Config, name string, o Options) (d Done, err error) {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return d, fmt.Errorf("cluster connection: %w", err)
	}
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return d, fmt.Errorf("cluster connection: %w", err)
	}
	m := migration{client: client, Options: o, done: Done{Count: map[Outcome]int{}}}
	if m.plan, err = m.read(ctx, name); err != nil {
		return d, err
	}
	m.done.Kind, m.done.Version, m.done.Older = m.plan.kind, m.plan.version, m.plan.older
	if err := mayDo(ctx, kube, m.plan); err != nil {
		return m.done, err
	}
	if err := m.all(ctx); err != nil {
		return m.done, err
	}
	if len(m.refused) > 0 {
		return m.done, fmt.Errorf("status.storedVersions of %s stays %s: %w", name,
			strings.Join(append(m.plan.older, m.plan.version), ", "), errors.Join(m.refused...))
	}
	if len(m.plan.older) > 0 {
		err = m.trim(ctx)
		m.done.Trimmed = err == nil
	}
	return m.done, err
}

type migration struct {
	Options
	client  dynamic.Interface
	plan    plan
	done    Done
	refused []error
}

// read reads the definition.
func (m *migration) read(ctx context.Context, name string) (plan, error) {
	d, err := m.client.Resource(definitions).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return plan{}, fmt.Errorf("read CustomResourceDefinition %s: %w", name, err)
	}
	return planOf(d)
}

// all goes through the objects, page by page.
func (m *migration) all(ctx context.Context) error {
	next := ""
	for {
		list, err := m.client.Resource(m.plan.in(m.plan.version)).List(ctx,
			metav1.ListOptions{Limit: pageSize, Continue: next})
		if after := goesOn(err); after != "" {
			next = after
			continue
		}
		if err != nil {
			return fmt.Errorf("list %s: %w", m.plan.resource, err)
		}
		for i := range list.Items {
			if err := m.one(ctx, &list.Items[i]); err != nil {
				return err
			}
		}
		if next = list.GetContinue(); next == "" {
			return nil
		}
	}
}

// goesOn is where to go on where the list is older than what the API server keeps: with the objects of now, of which
// those that are new are stored as they should be.
func goesOn(err error) string {
	var status apierrors.APIStatus
	if !apierrors.IsResourceExpired(err) || !errors.As(err, &status) {
		return ""
	}
	return status.Status().Continue
}

// one migrates an object, and takes note of what became of it. The error ends the migration.
func (m *migration) one(ctx context.Context, o *unstructured.Unstructured) error {
	outcome, err := m.write(ctx, o)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	name := strings.TrimPrefix(o.GetNamespace()+"/"+o.GetName(), "/")
	switch {
	case outcome == Refused:
		m.refused = append(m.refused, fmt.Errorf("%s %s: %w", m.plan.kind, name, err))
	case err != nil:
		return fmt.Errorf("%s %s: %w", m.plan.kind, name, err)
	}
	m.done.Count[outcome]++
	if m.Each != nil {
		m.Each(name, outcome)
	}
	return nil
}

// write writes an object back as it is; one that somebody else has written meanwhile as it is then.
func (m *migration) write(ctx context.Context, o *unstructured.Unstructured) (Outcome, error) {
	to := m.client.Resource(m.plan.in(m.plan.version)).Namespace(o.GetNamespace())
	for range tries {
		changed, err := m.prepared(ctx, o)
		if err == nil && changed == nil {
			return Already, nil
		}
		var stored *unstructured.Unstructured
		if err == nil {
			stored, err = to.Update(ctx, changed, metav1.UpdateOptions{FieldManager: manager, DryRun: m.dryRun()})
		}
		switch {
		case err == nil && !m.DryRun && stored.GetResourceVersion() == o.GetResourceVersion():
			return Already, nil
		case err == nil:
			return Written, nil
		case apierrors.IsNotFound(err):
			return Gone, nil
		case !apierrors.IsConflict(err):
			return outcomeOf(err), err
		}
		o, err = to.Get(ctx, o.GetName(), metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return Gone, nil
		}
		if err != nil {
			return "", err
		}
	}
	return Refused, fmt.Errorf("was written by somebody else %d times in a row: run it again", tries)
}

// outcomeOf: an answer that concerns the object alone refuses it, and every other ends the migration.
func outcomeOf(err error) Outcome {
	var loss *lossError
	if errors.As(err, &loss) || apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsBadRequest(err) ||
		apierrors.IsRequestEntityTooLargeError(err) || apierrors.IsInternalError(err) {
		return Refused
	}
	return ""
}

// prepared is an object as it is to be written, nil if it need not be. The error is a conflict if somebody writes it
// meanwhile.
func (m *migration) prepared(ctx context.Context, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if err := m.keepsAll(ctx, o); err != nil {
		return nil, err
	}
	changed := o.DeepCopy()
	if m.plan.sameFields {
		entries, err := managedIn(o.GetManagedFields(), m.plan.apiVersion())
		if err != nil {
			return nil, err
		}
		changed.SetManagedFields(entries)
	}
	if len(m.plan.older) == 0 && reflect.DeepEqual(changed.GetManagedFields(), o.GetManagedFields()) {
		return nil, nil
	}
	return changed, nil
}

// lossError says which fields an object would lose.
type lossError struct {
	fields       []string
	shown, lacks string // the version that has them, and the one that has not
}

func (e *lossError) Error() string {
	return fmt.Sprintf("version %s has not %s, which version %s shows and which would be lost: take it out of the "+
		"object first, or add it to the definition", e.lacks, strings.Join(e.fields, ", "), e.shown)
}

// keepsAll fails if an object has fields that only an older version knows: read in the version that is stored, they are
// left out, and written they would be lost. A webhook that converts may have good reasons to leave a field out.
func (m *migration) keepsAll(ctx context.Context, o *unstructured.Unstructured) error {
	if !m.plan.sameFields {
		return nil
	}
	for _, older := range m.plan.readable {
		before, err := m.client.Resource(m.plan.in(older)).Namespace(o.GetNamespace()).Get(ctx, o.GetName(),
			metav1.GetOptions{})
		if err != nil {
			return err
		}
		if before.GetResourceVersion() != o.GetResourceVersion() {
			return apierrors.NewConflict(m.plan.resource, o.GetName(), errors.New("it was written meanwhile"))
		}
		if lost := missing(before.Object, o.Object); len(lost) > 0 {
			return &lossError{fields: lost, shown: older, lacks: m.plan.version}
		}
	}
	return nil
}

// trim has the definition say that all is stored in one version, unless it has changed since it was read.
func (m *migration) trim(ctx context.Context) error {
	for range tries {
		patch, err := json.Marshal(map[string]any{
			"metadata": map[string]any{"resourceVersion": m.plan.resourceVersion},
			"status":   map[string]any{"storedVersions": []string{m.plan.version}},
		})
		if err != nil {
			return err
		}
		_, err = m.client.Resource(definitions).Patch(ctx, m.plan.name, types.MergePatchType, patch,
			metav1.PatchOptions{FieldManager: manager, DryRun: m.dryRun()}, "status")
		if err == nil {
			return nil
		}
		if !apierrors.IsConflict(err) {
			return fmt.Errorf("write status.storedVersions of CustomResourceDefinition %s: %w", m.plan.name, err)
		}
		now, err := m.read(ctx, m.plan.name)
		if err != nil {
			return err
		}
		if now.generation != m.plan.generation {
			break
		}
		m.plan = now
	}
	return fmt.Errorf("CustomResourceDefinition %s was changed while its objects were written: run it again",
		m.plan.name)
}

func (m *migration) dryRun() []string {
	if m.DryRun {
		return []string{metav1.DryRunAll}
	}
	return nil
}
