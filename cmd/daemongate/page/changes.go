package page

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/cmd/daemongate/diff"
	"github.com/daemongate/daemongate/sync/view"
)

// What is said in the place of what a commit changes, or beside it.
const (
	noneChanged = "It has changed nothing of the pods of its DaemonSets. What else it changes is in the repository."
	notShown    = "It shows what DaemonSets are made of, which you may not get."
	notKnown    = "What it has changed of the pods of DaemonSet %s is not known: its template is not seen, or may be " +
		"another's."
	broughtBack = "DaemonSet %s has an earlier template again. Whether this commit has brought it back or one before " +
		"it, Kubernetes does not keep: the repository has it."
)

var daemonSets = appsv1.SchemeGroupVersion.WithResource("daemonsets")

// templatesOf is what a commit has changed of the pods of DaemonSets, as Kubernetes has kept it, to whoever may get
// them; and what is not shown of that, and why.
func templatesOf(ctx context.Context, who person, s sight, commit string) (text, none string, err error) {
	if f := s.seen.Sync.Status.InFlight; f == nil || f.Commit != commit || len(s.seen.Judged) == 0 {
		return "", "", nil
	}
	var diffs strings.Builder
	var notes []string
	for _, c := range view.Changes(s.seen) {
		one, note, err := changeOf(ctx, who, c)
		if err != nil {
			return "", "", err
		}
		diffs.WriteString(one)
		if note != "" && !slices.Contains(notes, note) {
			notes = append(notes, note)
		}
	}
	if diffs.Len() == 0 && len(notes) == 0 {
		return "", noneChanged, nil
	}
	return diffs.String(), strings.Join(notes, " "), nil
}

// changeOf is the diff of one DaemonSet's template, or why there is none; neither if it is untouched.
func changeOf(ctx context.Context, who person, c view.Change) (text, note string, err error) {
	switch c.Is {
	case view.Untouched:
		return "", "", nil
	case view.BroughtBack:
		return "", fmt.Sprintf(broughtBack, c.Namespace+"/"+c.Name), nil
	case view.NotKnown:
		return "", fmt.Sprintf(notKnown, c.Namespace+"/"+c.Name), nil
	}
	may, err := who.reads(ctx, daemonSets, c.Namespace, c.Name)
	if err != nil || !may {
		return "", notShown, err
	}
	before, err := templateOf(c, c.Before)
	if err != nil {
		return "", "", err
	}
	after, err := templateOf(c, c.After)
	if err != nil {
		return "", "", err
	}
	text, err = diff.Between(before, after, "BEFORE", "COMMIT")
	return text, "", err
}

// templateOf is a DaemonSet of which nothing is known but the template that a revision has.
func templateOf(c view.Change, r *appsv1.ControllerRevision) (*unstructured.Unstructured, error) {
	if r == nil {
		return nil, nil
	}
	o := &unstructured.Unstructured{}
	if err := json.Unmarshal(r.Data.Raw, &o.Object); err != nil {
		return nil, fmt.Errorf("ControllerRevision %s/%s: %w", c.Namespace, r.Name, err)
	}
	unstructured.RemoveNestedField(o.Object, "spec", "template", "$patch")
	o.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("DaemonSet"))
	o.SetNamespace(c.Namespace)
	o.SetName(c.Name)
	return o, nil
}
