package comment

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/daemongate/daemongate/gitsource/forge"
)

// Job is what a CI job's environment says of the host, the pull request and the commit that it runs for.
type Job struct {
	Provider forge.Provider
	// Source, API and Repository locate the repository as forge.Locate takes them.
	Source, API, Repository string
	Number                  int // of the pull request; zero if the job is not for one
	Commit                  string
	// Token is the one that the environment holds, and Variables are where it was looked for.
	Token     string
	Variables []string
}

// JobOf reads the environment of GitHub Actions, Gitea and Forgejo Actions, GitLab CI and Bitbucket Pipelines.
// Elsewhere the job is empty.
func JobOf(env func(string) string) Job {
	var j Job
	switch {
	case env("GITLAB_CI") == "true":
		j = gitlabJob(env)
	case env("BITBUCKET_BUILD_NUMBER") != "":
		j = Job{Provider: forge.BitbucketCloud, Repository: env("BITBUCKET_REPO_FULL_NAME"),
			Source: "https://bitbucket.org/" + env("BITBUCKET_REPO_FULL_NAME"), Commit: env("BITBUCKET_COMMIT"),
			Variables: []string{"BITBUCKET_TOKEN"}}
		j.Number, _ = strconv.Atoi(env("BITBUCKET_PR_ID"))
	case env("GITHUB_ACTIONS") == "true" || env("GITEA_ACTIONS") == "true" || env("FORGEJO_ACTIONS") == "true":
		j = actionsJob(env)
	}
	for _, name := range j.Variables {
		if j.Token == "" {
			j.Token = env(name)
		}
	}
	return j
}

// gitlabJob is a job for a merge request, which may run in the project of its source, or for a branch.
func gitlabJob(env func(string) string) Job {
	j := Job{Provider: forge.GitLab, Source: env("CI_PROJECT_URL"), API: env("CI_API_V4_URL"),
		Repository: env("CI_PROJECT_PATH"), Commit: env("CI_COMMIT_SHA"), Variables: []string{"GITLAB_TOKEN"}}
	if target := env("CI_MERGE_REQUEST_PROJECT_PATH"); target != "" {
		j.Repository, j.Source = target, env("CI_MERGE_REQUEST_PROJECT_URL")
	}
	j.Number, _ = strconv.Atoi(env("CI_MERGE_REQUEST_IID"))
	return j
}

var pullRef = regexp.MustCompile(`^refs/pull/(\d+)/`)

// actionsJob is a job of GitHub Actions, or of Gitea's and Forgejo's, which set the same variables.
func actionsJob(env func(string) string) Job {
	server, repository := env("GITHUB_SERVER_URL"), env("GITHUB_REPOSITORY")
	j := Job{Provider: forge.GitHub, Source: strings.TrimRight(server, "/") + "/" + repository,
		API: env("GITHUB_API_URL"), Repository: repository, Commit: env("GITHUB_SHA"),
		Variables: []string{"GITHUB_TOKEN", "GH_TOKEN"}}
	if env("GITEA_ACTIONS") == "true" || env("FORGEJO_ACTIONS") == "true" || strings.HasSuffix(j.API, "/api/v1") {
		j.Provider, j.Variables = forge.Gitea, []string{"GITEA_TOKEN", "FORGEJO_TOKEN", "GITHUB_TOKEN"}
	}
	if m := pullRef.FindStringSubmatch(env("GITHUB_REF")); m != nil {
		j.Number, _ = strconv.Atoi(m[1])
	}
	return j
}
