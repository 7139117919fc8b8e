package page

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/daemongate/daemongate/cmd/daemongate/changes"
	"github.com/daemongate/daemongate/cmd/daemongate/diff"
	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
)

// object is one that a commit has changed.
func object(kind, resource, namespace, name, text string) changes.Object {
	group := ""
	if kind == "ClusterRole" {
		group = "rbac.authorization.k8s.io"
	}
	return changes.Object{Object: diff.Object{ID: manifests.ID{Group: group, Kind: kind, Namespace: namespace, Name: name},
		Text: text}, Resource: schema.GroupVersionResource{Group: group, Version: "v1", Resource: resource}}
}

// To see a Sync is not to see what its commits ask for: each object is shown to who may get it, and of the others it is
// told that there are some, by no name. What there is no room for is counted. What the commit's author wrote is for all
// who see the Sync.
func TestAnObjectOfACommitIsForWhoMayGetIt(t *testing.T) {
	c := newCluster(t)
	c.rolls("platform", "agents")
	c.knows("adas", "ada", "get */*", "get-configmaps logging/*", "get-clusterroles */*")
	c.knows("bobs", "bob", "get */*", "get-configmaps logging/one")
	c.knows("cyds", "cyd", "get */*")
	one := c.reach()
	one.Changes = func(context.Context, *api.Sync, string, string) changes.Of {
		return changes.Of{Author: "Ann", Message: "Quieter logs\n\nAs was asked for.", Objects: []changes.Object{
			object("ConfigMap", "configmaps", "logging", "one", "+first: of one\n"),
			object("ConfigMap", "configmaps", "logging", "two", "+second: of two\n"),
			object("ConfigMap", "configmaps", "elsewhere", "one", "+third: of elsewhere\n"),
			object("ClusterRole", "clusterroles", "", "reader", "+fourth: of reader\n"),
			object("ConfigMap", "configmaps", "logging", "huge", ""),
			{Object: diff.Object{ID: manifests.ID{Kind: "Unknown", Name: "x"}, Text: "+fifth: unknown\n"}},
		}}
	}
	p, err := InCluster(one, false)
	if err != nil {
		t.Fatal(err)
	}
	server := c.serve(p)
	lines := []string{"+first: of one", "+second: of two", "+third: of elsewhere", "+fourth: of reader", "+fifth: unknown"}
	for token, sees := range map[string]string{"adas": "yynyn", "bobs": "ynnnn", "cyds": "nnnnn"} {
		got := ask(t, http.MethodGet, server.URL+"/syncs/platform/agents/commits/bbbbbbb", "", "Authorization", "Bearer "+token)
		text := html.UnescapeString(got.text)
		for i, line := range lines {
			if strings.Contains(text, line) != (sees[i] == 'y') {
				t.Errorf("%s and %s:\n%s", token, line, text)
			}
		}
		hidden := strings.Count(sees, "n") - 1 // and one of a kind that nobody knows
		for _, want := range []string{"As was asked for.", "Ann", "6 objects", "1 object of them cannot be shown, because there is no room",
			english.Count(hidden, "object") + " of them cannot be shown, because you may not get them",
			"1 object of them cannot be shown, because the cluster does not know the kind"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s is not told %q:\n%s", token, want, text)
			}
		}
	}
}

// Where the repository cannot be read, the page says why, and shows what Kubernetes has kept of the commit in flight.
func TestACommitWhoseRepositoryCannotBeRead(t *testing.T) {
	c := newCluster(t)
	c.rolls("platform", "agents")
	c.knows("adas", "ada", "get */*", "get-daemonsets */*")
	one := c.reach()
	one.Changes = func(context.Context, *api.Sync, string, string) changes.Of {
		return changes.Of{Why: "The commit cannot be read from its repository: no route."}
	}
	p, err := InCluster(one, false)
	if err != nil {
		t.Fatal(err)
	}
	got := ask(t, http.MethodGet, c.serve(p).URL+"/syncs/platform/agents/commits/bbbbbbb", "", "Authorization", "Bearer adas")
	for _, want := range []string{"from its repository: no route.", "+      - image: agent:v2"} {
		if !strings.Contains(html.UnescapeString(got.text), want) {
			t.Errorf("%d, without %q:\n%s", got.code, want, got.text)
		}
	}
}

// Who may get thousands of objects one by one is asked about a bounded number, and shown no other.
func TestSingleObjectsAreAskedAboutUpToABound(t *testing.T) {
	asked := 0
	a := &asking{who: counted{asked: &asked}, known: map[string]bool{}}
	var objects []changes.Object
	for i := range 1000 {
		objects = append(objects, object("ConfigMap", "configmaps", "logging", fmt.Sprint("c", i), "+x\n"))
	}
	text, notes, err := shown(t.Context(), a, objects)
	if err != nil || asked != mostAsked || strings.Count(text, "+x") != mostAsked-2 || len(notes) != 1 {
		t.Errorf("asked %d times, shown %d: %q %v", asked, strings.Count(text, "+x"), notes, err)
	}
}

// counted may get any single object, and nothing by a rule for all.
type counted struct {
	person
	asked *int
}

func (c counted) reads(_ context.Context, _ schema.GroupVersionResource, _, name string) (bool, error) {
	*c.asked++
	return name != "", nil
}
