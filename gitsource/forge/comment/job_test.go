package comment_test

import (
	"testing"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/forge/comment"
)

// Each CI's environment tells the host's API, the repository that the pull request is for, its number and the token.
func TestJobsOfEachCI(t *testing.T) {
	actions := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://github.com",
		"GITHUB_REPOSITORY": "platform/fleet", "GITHUB_API_URL": "https://api.github.com",
		"GITHUB_REF": "refs/pull/12/merge", "GITHUB_SHA": hash(1), "GITHUB_TOKEN": "t"}
	for name, c := range map[string]struct {
		env      map[string]string
		provider forge.Provider
		api      string
		number   int
	}{
		"GitHub": {actions, forge.GitHub, "https://api.github.com", 12},
		"GitHub, a push": {with(actions, "GITHUB_REF", "refs/heads/pull/12/x"), forge.GitHub, "https://api.github.com",
			0},
		"Gitea": {with(actions, "GITHUB_SERVER_URL", "https://git.test", "GITHUB_API_URL", "https://git.test/api/v1",
			"GITHUB_TOKEN", "", "GITEA_TOKEN", "t"), forge.Gitea, "https://git.test/api/v1", 12},
		"Forgejo below a path": {with(actions, "FORGEJO_ACTIONS", "true", "GITHUB_SERVER_URL", "https://git.test/git/",
			"GITHUB_API_URL", ""), forge.Gitea, "https://git.test/git/api/v1", 12},
		"GitLab, a merge request from a fork": {map[string]string{"GITLAB_CI": "true",
			"CI_API_V4_URL": "https://gitlab.test/api/v4", "CI_PROJECT_PATH": "stranger/fleet",
			"CI_PROJECT_URL": "https://gitlab.test/stranger/fleet", "CI_MERGE_REQUEST_PROJECT_PATH": "platform/fleet",
			"CI_MERGE_REQUEST_PROJECT_URL": "https://gitlab.test/platform/fleet", "CI_MERGE_REQUEST_IID": "12",
			"CI_COMMIT_SHA": hash(1), "GITLAB_TOKEN": "t"}, forge.GitLab, "https://gitlab.test/api/v4", 12},
		"GitLab, a branch": {map[string]string{"GITLAB_CI": "true", "CI_PROJECT_PATH": "platform/fleet",
			"CI_PROJECT_URL": "https://gitlab.test/platform/fleet", "CI_COMMIT_SHA": hash(1), "GITLAB_TOKEN": "t"},
			forge.GitLab, "https://gitlab.test/api/v4", 0},
		"Bitbucket": {map[string]string{"BITBUCKET_BUILD_NUMBER": "3", "BITBUCKET_REPO_FULL_NAME": "platform/fleet",
			"BITBUCKET_PR_ID": "12", "BITBUCKET_COMMIT": hash(1), "BITBUCKET_TOKEN": "t"}, forge.BitbucketCloud,
			"https://api.bitbucket.org/2.0", 12},
	} {
		t.Run(name, func(t *testing.T) {
			j := comment.JobOf(func(v string) string { return c.env[v] })
			if j.Provider != c.provider || j.Number != c.number || j.Commit != hash(1) || j.Token != "t" {
				t.Errorf("%+v", j)
			}
			place, err := forge.Locate(j.Provider, j.Source, j.API, j.Repository)
			if err != nil || place.API != c.api || place.Repository != "platform/fleet" {
				t.Errorf("%+v: %v", place, err)
			}
		})
	}
	if j := comment.JobOf(func(string) string { return "" }); j.Provider != "" || j.Token != "" {
		t.Errorf("outside of a CI: %+v", j)
	}
}

// with is an environment with other values.
func with(env map[string]string, pairs ...string) map[string]string {
	out := map[string]string{}
	for name, value := range env {
		out[name] = value
	}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}
