package page

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/daemongate/daemongate/cmd/daemongate/changes"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/view"
)

// gitPatience is how long the page of a commit waits for its repository.
const gitPatience = 4 * time.Second

// notOnRecord is said of the oldest commits of a full history.
const notOnRecord = "What was applied before it is not on record any more, so what it has changed is not known: the " +
	"history has the last commits only."

// changed is what the page of a commit has to say of what it has changed.
type changed struct {
	changes.Of
	text, against string
	notes         []string
}

// changesOf is what a commit has changed of objects, as its repository has it: each object to whoever may get it. Where
// that cannot be known it is at least what Kubernetes has kept, with why it is not more.
func (p *Page) changesOf(ctx context.Context, who person, s sight, commit string) (c changed, err error) {
	before, onRecord := view.Before(&s.seen.Sync.Status, commit)
	c.Why = "This page reads no repositories."
	if p.reach.Changes != nil {
		short, cancel := context.WithTimeout(ctx, gitPatience)
		defer cancel()
		c.Of = p.reach.Changes(short, s.seen.Sync, before, commit)
	}
	if c.Why == "" && !onRecord {
		c.Why = notOnRecord
	}
	if c.Why != "" {
		text, none, err := templatesOf(ctx, who, s, commit)
		c.text, c.notes = text, append(c.notes, c.Why)
		if none != "" {
			c.notes = append(c.notes, none)
		}
		return c, err
	}
	c.against = againstOf(before, len(c.Objects))
	c.text, c.notes, err = shown(ctx, &asking{who: who, known: map[string]bool{}}, c.Objects)
	return c, err
}

// againstOf says what a commit is compared with, and how many objects differ.
func againstOf(before string, objects int) string {
	switch {
	case before == "" && objects == 0:
		return "It asks for no object, and nothing on record was applied before it."
	case before == "":
		return fmt.Sprintf("Nothing on record was applied before it, so all of its %s are shown as new, rendered as "+
			"the Sync's spec is now.", english.Count(objects, "object"))
	case objects == 0:
		return fmt.Sprintf("It asks for the same objects as %s, which was applied before it.", api.Short(before))
	}
	verb := "differ"
	if objects == 1 {
		verb = "differs"
	}
	return fmt.Sprintf("%s %s from what %s asked for, which was applied before it; both are rendered as the Sync's "+
		"spec is now.", english.Count(objects, "object"), verb, api.Short(before))
}

// shown are the diffs of the objects that somebody may get, and what is said of the others.
func shown(ctx context.Context, a *asking, objects []changes.Object) (text string, notes []string, err error) {
	var diffs strings.Builder
	hidden, left, unknown := 0, 0, 0
	for _, o := range objects {
		if o.Text == "" {
			left++
			continue
		}
		if o.Resource.Resource == "" {
			unknown++
			continue
		}
		may, err := a.mayGet(ctx, o.Resource, o.ID.Namespace, o.ID.Name)
		if err != nil {
			return "", nil, err
		}
		if may {
			diffs.WriteString(o.Text)
		} else {
			hidden++
		}
	}
	if hidden > 0 {
		notes = append(notes, english.Count(hidden, "object")+" of them cannot be shown, because you may not get them.")
	}
	if unknown > 0 {
		notes = append(notes, english.Count(unknown, "object")+" of them cannot be shown, because the cluster does "+
			"not know the kind, so that it cannot be asked who may get it.")
	}
	if left > 0 {
		notes = append(notes, fmt.Sprintf("%s of them cannot be shown, because there is no room for so much here: the "+
			"repository has it.", english.Count(left, "object")))
	}
	return diffs.String(), notes, nil
}

// asking asks what somebody may get: all of a kind, or all of its namespace, before single objects.
type asking struct {
	who   person
	known map[string]bool
	asked int
}

func (a *asking) mayGet(ctx context.Context, what schema.GroupVersionResource, namespace, name string) (bool, error) {
	if what.Resource == "" {
		return false, nil
	}
	for _, one := range [][2]string{{"", ""}, {namespace, ""}, {namespace, name}} {
		key := strings.Join([]string{what.Group, what.Resource, one[0], one[1]}, "/")
		may, known := a.known[key]
		if !known && a.asked < mostAsked {
			var err error
			a.asked++
			if may, err = a.who.reads(ctx, what, one[0], one[1]); err != nil {
				return false, err
			}
			a.known[key] = may
		}
		if may {
			return true, nil
		}
	}
	return false, nil
}
