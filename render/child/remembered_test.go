package child_test

import (
	"reflect"
	"testing"

	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/child"
)

// A child ends with its job; what the groups of its objects rendered to is remembered, so that the next one renders only
// the group of the file that changed, to what a process that remembers nothing would render.
func TestTheNextChildRendersWhatChanged(t *testing.T) {
	r := runner(t, 0)
	files := fleet(200)
	build := func() {
		t.Helper()
		at := tree(t, files)
		got, err := r.Build(t.Context(), at, "prod", render.Options{}, child.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		want, err := render.Build(t.Context(), at, "prod", render.Options{})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Error(err, len(got.Objects), len(want.Objects))
		}
	}
	build()
	groups := child.Groups(r)
	if groups < 5 {
		t.Fatalf("%d groups are remembered", groups)
	}
	build()
	if n := child.Groups(r); n != groups {
		t.Errorf("%d groups were rendered although nothing changed", n-groups)
	}
	files["prod/agent7.yaml"].Data = append(files["prod/agent7.yaml"].Data, "# changed\n"...)
	build()
	if n := child.Groups(r); n != groups+1 {
		t.Errorf("%d groups were rendered for one file", n-groups)
	}
}
