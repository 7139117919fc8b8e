// Package changes reads from Git what a commit of a Sync has changed, and who made it, for people to look at.
package changes

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/daemongate/daemongate/cmd/daemongate/diff"
	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
)

// Of is what is known of a commit, and of what it has changed.
type Of struct {
	Author, Message string
	At              time.Time // when it was committed; zero if nothing could be read of it
	// Before is the commit that it is compared with; empty if there is none.
	Before string
	// Objects are those that differ. A Secret's values are not in them.
	Objects []Object
	// Why says why nothing is known of objects; empty if they are known.
	Why string
	// Passing is set if that may be another way in a moment.
	Passing bool
	// Later is set if it passes in a minute rather: another try renders.
	Later bool
}

// Object is an object that differs.
type Object struct {
	diff.Object // without a text where there was no room for it
	// Resource is where the API server has it.
	Resource schema.GroupVersionResource
}

// mostText bounds, in bytes, the diffs of one commit. They are cut by whole objects.
const mostText = 256 << 10

// between is what differs, with as many diffs as there is room for.
func between(before, after manifests.Set, at map[manifests.ID]schema.GroupVersionResource) ([]Object, error) {
	all, err := diff.Sets(before, after)
	if err != nil {
		return nil, err
	}
	objects, room := make([]Object, len(all)), mostText
	for i, o := range all {
		if objects[i] = (Object{o, at[o.ID]}); len(o.Text) > room {
			objects[i].Text = ""
		}
		room -= len(objects[i].Text)
	}
	return objects, nil
}

// none is what is known of a commit of which nothing could be read of objects.
func (of Of) none(format string, what ...any) Of {
	of.Objects, of.Why = nil, english.Clip(fmt.Sprintf(format, what...), api.MaxText)
	return of
}
