package judge

import (
	"strings"
	"testing"
	"time"
)

// good is a cluster in which nothing is in the way.
func good(now time.Time) Seen {
	return Seen{Kubernetes: "v1.36.2", Client: "v1.2.0", Now: now,
		Controllers: []Beat{{Name: "kube-scheduler", Renewed: now.Add(-2 * time.Second)}},
		Nodes:       []Beat{{Name: "node-001", Renewed: now.Add(-9 * time.Second)}}}
}

// A cluster is fit when it is of a version that was tried, takes what is installed, and has controllers that work. What
// is worth knowing is told, and makes it no less fit.
func TestWhatMakesAClusterUnfit(t *testing.T) {
	now := time.Date(2026, 11, 30, 2, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		change func(*Seen)
		fit    bool
		level  Level
		says   string
	}{
		"all is well":        {func(*Seen) {}, true, Good, "you may do all"},
		"the oldest":         {func(s *Seen) { s.Kubernetes = "v1.34.0-gke.12" }, true, Good, "v1.34.0"},
		"too old":            {func(s *Seen) { s.Kubernetes = "v1.33.9" }, false, Hinders, "1.34 to 1.37 are supported"},
		"newer than tried":   {func(s *Seen) { s.Kubernetes = "v1.38.0" }, true, Note, "newer than what was tried"},
		"no version":         {func(s *Seen) { s.Kubernetes = "custom" }, true, Note, "no version"},
		"a right is missing": {func(s *Seen) { s.Lacking = []string{"create deployments.apps"} }, false, Hinders, "create deployments.apps"},
		"no right to delete": {func(s *Seen) { s.Unremoved = []string{"delete secrets"} }, true, Note, "may not delete secrets"},
		"no right at all": {func(s *Seen) { s.Lacking, s.Unremoved = []string{"list services"}, []string{"delete secrets"} }, false, Hinders,
			"may not list services"},
		"something is denied": {func(s *Seen) { s.Refused = []string{"Deployment x: denied by policy"} }, false, Hinders, "denied by policy"},
		"a controller is gone": {func(s *Seen) { s.Controllers[0].Renewed = now.Add(-time.Hour) }, false, Hinders,
			"has not renewed its Lease for"},
		"a controller is hidden": {func(s *Seen) { s.Controllers[0].Unread = "forbidden" }, true, Note, "cannot be looked at"},
		"a node is ahead":        {func(s *Seen) { s.Nodes[0].Renewed = now.Add(time.Minute) }, true, Note, "go ahead of the API server's on node-001"},
		"a node is silent":       {func(s *Seen) { s.Nodes[0].Renewed = now.Add(-time.Hour) }, true, Note, "no sign for a minute"},
		"this clock is off":      {func(s *Seen) { s.Ahead = -time.Minute }, true, Note, "this machine's is"},
		"nobody says the time":   {func(s *Seen) { s.Now = time.Time{} }, true, Note, "does not say what time it is"},
		"there are no nodes":     {func(s *Seen) { s.Nodes = nil }, true, Note, "there are no nodes"},
		"it runs already":        {func(s *Seen) { s.Lease = &Running{"pod", "v1.2.0", now} }, true, Good, "same version"},
	} {
		s := good(now)
		c.change(&s)
		found, told := All(s), false
		for _, f := range found {
			told = told || f.Level == c.level && strings.Contains(f.Seen+f.Do, c.says)
		}
		if Fit(found) != c.fit || !told {
			t.Errorf("%s: fit %t, and not told %q as %s: %+v", name, Fit(found), c.says, c.level, found)
		}
	}
}

// Client and controller are compared by their versions, as far as these are known.
func TestSkew(t *testing.T) {
	now := time.Date(2026, 11, 30, 2, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		client, controller string
		renewed            time.Time
		level              Level
		says               string
	}{
		{"v1.2.0", "v1.2.0", now, Good, "same version"},
		{"v1.2.0", "v1.1.9", now, Note, "older, v1.1.9"},
		{"v1.2.0", "v1.10.0", now, Note, "newer, v1.10.0"},
		{"v0.0.0-20261130020000-abcdefabcdef", "v0.0.0-20261129020000-abcdefabcdef", now, Note, "older"},
		{"unknown", "v1.1.9", now, Note, "cannot be told"},
		{"v1.2.0", "", now, Note, "does not say its version"},
		{"v1.2.0", "v1.2.0", now.Add(-time.Hour), Note, "no controller has run for"},
	} {
		level, says := Skew(c.client, &Running{"pod", c.controller, c.renewed}, now)
		if level != c.level || !strings.Contains(says, c.says) {
			t.Errorf("%s and %s: %s, %s", c.client, c.controller, level, says)
		}
	}
	if _, says := Skew("v1", &Running{}, now); says != "no controller holds the Lease" {
		t.Errorf("nobody holds it: %s", says)
	}
}
