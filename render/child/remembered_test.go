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

// A child that its tenant's files have taken over may say of any digest what it came to. That tenant alone is told so,
// and for all others the group is as unknown as before.
func TestWhatAChildSaysOfAGroupIsForItsTenant(t *testing.T) {
	r := child.Stray(`read -r job; echo '{"Keep":{"Digest":"d","Objects":[{"Name":"wrong","JSON":{}}]}}'`)
	defer r.Close()
	if _, err := r.Build(t.Context(), tree(t, ordinary), "prod", render.Options{}, child.Limits{Tenant: "evil"}); err == nil {
		t.Error("it answered")
	}
	if !child.Knows(r, "evil", "d") {
		t.Error("it is not remembered at all")
	}
	for _, tenant := range []string{"good", ""} {
		if child.Knows(r, tenant, "d") {
			t.Errorf("tenant %q has it", tenant)
		}
	}
}
