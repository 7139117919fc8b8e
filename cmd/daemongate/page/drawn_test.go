package page

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/cmd/daemongate/page/html"
	"github.com/daemongate/daemongate/rollout"
)

// Tabs of different people that show the same share what was drawn; who may do something sees that, and what is seen anew
// is drawn anew.
func TestTabsShareAFrame(t *testing.T) {
	c := newCluster(t)
	c.rolls("platform", "agents")
	p, err := InCluster(c.reach(), true)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	cluster, done := p.watched.use()
	defer done()
	l, close, err := cluster.lookInto("platform", "agents")
	if err != nil {
		t.Fatal(err)
	}
	defer close()
	draw := func(user string, may html.May) html.Frame {
		t.Helper()
		s, err := l.first(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		around := p.around(nil)
		around.User, around.May, around.Live = user, may, true
		f, err := l.drawn.frame(s, around, p.dataOf(l, s, httptest.NewRequest("GET", "/", nil)))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	text := func(f html.Frame) (all string) {
		for _, one := range f.Fragments {
			all += one.HTML
		}
		return all
	}
	first := draw("ada", html.May{})
	if again := draw("bob", html.May{}); len(l.drawn.frames) != 1 || text(again) != text(first) ||
		strings.Contains(text(first), "ada") {
		t.Errorf("%d frames are drawn for two people", len(l.drawn.frames))
	}
	const release = `action="/syncs/platform/agents/release"`
	if strings.Contains(text(first), release) || !strings.Contains(text(draw("cleo", html.May{Release: true})), release) {
		t.Error("who may release is not offered it, or somebody else is")
	}
	changed := l.changed.next()
	c.turns("node-3", rollout.IsSettled)
	<-changed
	if newer := draw("ada", html.May{}); newer.Letters == first.Letters {
		t.Error("what is seen anew is not drawn anew")
	}
}
