package page

import (
	"context"
	"errors"
	"html"
	"net/http"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/cmd/daemongate/follow"
	"github.com/daemongate/daemongate/rollout/report"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// blind is a flight that cannot be judged.
type blind struct {
	flight
	why error
}

func (b *blind) Judge(context.Context) ([]report.Judged, error) { return nil, b.why }

// Where the nodes of a Sync cannot be looked at, because pods may not be read or because of what its spec says, its page
// is there: with what the controller has written, with why there is no more, and with what may be done. The API server
// does answer, and is not said not to. A node of which nobody knows then is not said not to be there.
func TestASyncThatCannotBeJudgedIsShown(t *testing.T) {
	for _, why := range []error{
		apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", errors.New("you may not list pods")),
		errors.New("spec.rollout.settle: no duration"),
	} {
		c := newCluster(t)
		c.rolls("platform", "agents")
		c.syncs["platform/agents"].Status.InFlight.Causes = []api.Cause{{Object: "DaemonSet logging/agent",
			Code: "CrashLoop", Message: "as the controller has seen it"}}
		c.knows("adas", "ada", "get */*", "suspend */*")
		r := c.reach()
		r.Sight = func(*rest.Config) (Sight, error) {
			return Sight{Stop: func() {}, Follow: func(*api.Sync) (follow.Follower, error) {
				if apierrors.IsForbidden(why) {
					return &blind{flight{cluster: c}, why}, nil
				}
				return nil, why
			}}, nil
		}
		p, err := InCluster(r, true)
		if err != nil {
			t.Fatal(err)
		}
		server := c.serve(p)
		get := func(path string) answer {
			got := ask(t, http.MethodGet, server.URL+path, "", "Authorization", "Bearer adas")
			got.text = html.UnescapeString(got.text)
			return got
		}
		got := get("/syncs/platform/agents")
		for _, want := range []string{"as the controller has seen it", why.Error(), "/syncs/platform/agents/suspend"} {
			if got.code != http.StatusOK || !strings.Contains(got.text, want) {
				t.Errorf("%v: the page is %d without %q:\n%s", why, got.code, want, got.text)
			}
		}
		hasNone(t, "the page", got.text, []string{"No answer from the API server"})
		node := get("/nodes/node-2")
		if node.code != http.StatusServiceUnavailable || !strings.Contains(node.text, why.Error()) {
			t.Errorf("%v: the page of a node is %d:\n%s", why, node.code, node.text)
		}
	}
}
