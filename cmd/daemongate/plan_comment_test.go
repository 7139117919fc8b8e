package main

import (
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/forge/forgetest"
	"github.com/daemongate/daemongate/gitsource/gittest"
)

// A job's plan is told on its pull request, in the one comment that its next plan edits. What the job prints and how it
// ends stay what they are.
func TestAPlanIsToldOnThePullRequest(t *testing.T) {
	fake := forgetest.New(forge.GitHub, "platform/fleet", "t0ken")
	fake.Open(forgetest.Pull{Number: 7, Head: strings.Repeat("7", 40), From: "platform/fleet"})
	server := httptest.NewServer(fake)
	defer server.Close()
	for name, value := range map[string]string{"GITLAB_CI": "", "BITBUCKET_BUILD_NUMBER": "", "GITEA_ACTIONS": "",
		"FORGEJO_ACTIONS": "", "GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "platform/fleet",
		"GITHUB_SERVER_URL": server.URL, "GITHUB_API_URL": server.URL + "/api/v3", "GITHUB_REF": "refs/pull/7/merge",
		"GITHUB_TOKEN": "t0ken"} {
		t.Setenv(name, value)
	}
	dir := t.TempDir()
	args := []string{"plan", dir, "-n", "planned", "-f", "testdata/dumps/fleet-good-minready.json", "--comment",
		"--comment-allow-http", "--cluster", "production"}
	gittest.Write(t, filepath.Join(dir, "agent.yaml"), plannedAgent)
	gittest.Write(t, filepath.Join(dir, "kustomization.yaml"), "resources: [agent.yaml]\n")
	if r := daemongate(t, "", args...); !strings.Contains(r.stderr, "7 of platform/fleet: made") ||
		strings.Contains(r.stdout+r.stderr, "t0ken") {
		t.Fatalf("%+v", r)
	}
	gittest.Write(t, filepath.Join(dir, "agent.yaml"), strings.Replace(plannedAgent, `cpu: "1"`, "cpu: 900", 1))
	r := daemongate(t, "", args...)
	all := fake.Comments(7)
	if r.code != 3 || !strings.Contains(r.stdout, "will not fit") || !strings.Contains(r.stderr, "edited") ||
		len(all) != 1 || !strings.Contains(all[0].Text, "will not fit") || !strings.Contains(all[0].Text, "`production`") {
		t.Errorf("%+v\n%+v", r, all)
	}
}
