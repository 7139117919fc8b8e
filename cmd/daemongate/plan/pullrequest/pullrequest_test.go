package pullrequest

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/daemongate/daemongate/cmd/daemongate/plan/answer"
	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/forge/forgetest"
	"github.com/daemongate/daemongate/rollout/plan"
)

const secret = "t0ken-of-the-job"

// job is a played Gitea, whose job for pull request 7 runs the command with flags.
type job struct {
	t    *testing.T
	fake *forgetest.Host
	env  map[string]string
}

func newJob(t *testing.T) *job {
	fake := forgetest.New(forge.Gitea, "platform/fleet", secret)
	fake.Open(forgetest.Pull{Number: 7, Head: strings.Repeat("7", 40), From: "platform/fleet"},
		forgetest.Pull{Number: 8, Head: strings.Repeat("8", 40), From: "stranger/fleet"})
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	return &job{t, fake, map[string]string{"GITHUB_ACTIONS": "true", "GITEA_ACTIONS": "true",
		"GITHUB_SERVER_URL": server.URL, "GITHUB_API_URL": server.URL + "/api/v1",
		"GITHUB_REPOSITORY": "platform/fleet", "GITHUB_REF": "refs/pull/7/merge", "GITEA_TOKEN": secret}}
}

// run posts a plan of two DaemonSets and returns what was said.
func (j *job) run(flags ...string) (said string, err error) {
	j.t.Helper()
	var o Options
	f := pflag.NewFlagSet("plan", pflag.ContinueOnError)
	o.Flags(f)
	if err := f.Parse(append([]string{"--comment"}, flags...)); err != nil {
		j.t.Fatal(err)
	}
	if err := o.Check(); err != nil {
		return "", err
	}
	a := answer.New("", "platform/node-agents", []plan.Plan{
		{Namespace: "platform", Name: "agent", Outcome: plan.Fits, Headline: "fits every node",
			Nodes: []plan.Node{{Name: "secret-node", Room: plan.NoRoom}}},
		{Namespace: "platform", Name: "logs", Outcome: plan.Fits, Headline: "fits every node"}}, nil, nil)
	var notes bytes.Buffer
	err = o.Post(j.t.Context(), Plan{Answer: &a, Server: "https://10.0.0.1:6443"},
		Surroundings{Env: func(n string) string { return j.env[n] }, Stdin: strings.NewReader(secret + "\n"), Notes: &notes})
	return notes.String(), err
}

// must runs, and checks what was said.
func (j *job) must(want string, flags ...string) {
	j.t.Helper()
	if said, err := j.run(flags...); err != nil || !strings.Contains(said, want) {
		j.t.Fatalf("%q is not said: %q %v", want, said, err)
	}
}

// A job comments by its environment alone. The comment names the DaemonSets, and neither nodes nor the API server.
func TestAJobCommentsByItsEnvironment(t *testing.T) {
	j := newJob(t)
	j.must("pull request 7 of platform/fleet: made", "--comment-allow-http")
	j.must("unchanged", "--comment-allow-http")
	text := j.fake.Comments(7)[0].Text
	if !strings.Contains(text, "platform/agent") || !strings.Contains(text, "platform/logs") ||
		strings.Contains(text, "secret-node") || strings.Contains(text, "10.0.0.1") {
		t.Errorf("the comment is\n%s", text)
	}
	j.must("made", "--comment-allow-http", "--cluster", "staging")
	if all := j.fake.Comments(7); len(all) != 2 || !strings.Contains(all[1].Text, "Cluster `staging`") {
		t.Errorf("%+v", all)
	}
}

// A pull request from a fork gets none unless that is allowed, and a commit that heads none is no error.
func TestWhatGetsNoCommentIsSaid(t *testing.T) {
	j := newJob(t)
	j.must("from a fork", "--comment-allow-http", "--pull-request=8")
	j.must("8 of platform/fleet: made", "--comment-allow-http", "--pull-request=8", "--allow-forks")
	j.env["GITHUB_REF"], j.env["GITHUB_SHA"] = "refs/heads/main", strings.Repeat("9", 40)
	j.must("head of no open pull request", "--comment-allow-http")
}

// Elsewhere than in a job that is known everything is said by flags, and a token is read from a file or stdin.
func TestEverythingCanBeSaidByFlags(t *testing.T) {
	j := newJob(t)
	api := j.env["GITHUB_API_URL"]
	j.env = nil
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := []string{"--comment-provider=forgejo", "--comment-api=" + api, "--comment-repository=platform/fleet",
		"--pull-request=7", "--comment-allow-http"}
	j.must("made", append(flags, "--comment-token-file="+file)...)
	j.must("unchanged", append(flags, "--comment-token-file=-")...)
}

// What is missing, or does not go together, is said with the flag that mends it. No token is sent over http unasked, or
// to another host than that of the job.
func TestWhatIsMissingIsSaid(t *testing.T) {
	for want, c := range map[string]struct {
		flags []string
		env   map[string]string
	}{
		"--comment-allow-http": {nil, newJob(t).env},
		"--comment-provider":   {nil, nil},
		"GITEA_TOKEN":          {[]string{"--comment-allow-http"}, without(newJob(t).env, "GITEA_TOKEN")},
		"none of github":       {[]string{"--comment-provider=svn"}, nil},
		"is no number":         {[]string{"--pull-request=-1"}, nil},
		"not given":            {[]string{"--comment=false", "--pull-request=7"}, nil},
		"--comment-repository": {[]string{"--comment-provider=github"}, newJob(t).env},
		"no token": {[]string{"--comment-provider=gitlab", "--comment-api=https://elsewhere.test/api/v4",
			"--comment-repository=platform/fleet"}, newJob(t).env},
		"comment-token-file": {[]string{"--comment-api=https://elsewhere.test/api/v1"}, newJob(t).env},
		"one line":           {[]string{"--comment-token-file=/dev/null"}, newJob(t).env},
	} {
		j := newJob(t)
		j.env = c.env
		if _, err := j.run(c.flags...); err == nil || !strings.Contains(err.Error(), want) ||
			strings.Contains(err.Error(), secret) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}

func without(env map[string]string, name string) map[string]string {
	delete(env, name)
	return env
}
