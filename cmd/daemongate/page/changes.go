package page

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/cmd/daemongate/diff"
	"github.com/daemongate/daemongate/sync/view"
)

// What is said in the place of what a commit changes.
const (
	notKept = "Kubernetes keeps what the commit in flight has changed of the pods of DaemonSets. What else commits " +
		"change is in the repository: daemongate diff shows what one would change in the cluster."
	noneChanged = "It has changed nothing of the pods of its DaemonSets. What else it changes is in the repository."
	notShown    = "It shows what DaemonSets are made of, which you may not get."
)

// changesOf is what a commit has changed of the pods of DaemonSets, as Kubernetes has kept it, to whoever may get them;
// or why there is nothing to be shown.
func changesOf(ctx context.Context, who person, s sight, commit string) (text, none string, err error) {
	if f := s.seen.Sync.Status.InFlight; f == nil || f.Commit != commit || len(s.seen.Judged) == 0 {
		return "", notKept, nil
	}
	none = noneChanged
	var b strings.Builder
	for _, c := range view.Changes(s.seen) {
		may, err := who.reads(ctx, c.Namespace, c.Name)
		if err != nil {
			return "", "", err
		}
		if !may {
			none = notShown
			continue
		}
		before, err := templateOf(c, c.Before)
		if err != nil {
			return "", "", err
		}
		after, err := templateOf(c, c.After)
		if err != nil {
			return "", "", err
		}
		one, err := diff.Between(before, after, "BEFORE", "COMMIT")
		if err != nil {
			return "", "", err
		}
		b.WriteString(one)
	}
	return b.String(), none, nil
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
