// Package pullrequest says on a pull request what a plan of it came to.
package pullrequest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/daemongate/daemongate/cmd/daemongate/plan/answer"
	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/forge/comment"
	"github.com/daemongate/daemongate/sync/english"
)

// Options are where a plan is told, and how its host is reached. What is not given is taken from a CI job's
// environment.
type Options struct {
	// Comment asks for a comment at all.
	Comment bool
	cluster string
	number  int
	forks   bool

	provider, api, repository, tokenFile string
	plain                                bool
}

// providers are the hosts by the names that the flag takes.
var providers = map[string]forge.Provider{"github": forge.GitHub, "gitlab": forge.GitLab, "gitea": forge.Gitea,
	"forgejo": forge.Gitea, "bitbucket": forge.BitbucketCloud, "bitbucket-data-center": forge.BitbucketDataCenter}

// Flags adds them.
func (o *Options) Flags(f *pflag.FlagSet) {
	f.BoolVar(&o.Comment, "comment", false, "comment on the pull request, or edit the comment that is there: one for "+
		"each Sync and cluster. In a CI job of GitHub, GitLab, Gitea, Forgejo or Bitbucket both are known")
	f.StringVar(&o.cluster, "cluster", "", "what the comment calls the cluster, and is told apart by (default: the "+
		"address of its API server, which is not shown)")
	f.IntVar(&o.number, "pull-request", 0, "number of the pull request (default: that of the CI job, else the open "+
		"one whose head the job's commit is)")
	f.BoolVar(&o.forks, "allow-forks", false, "comment also on a pull request from another repository")
	f.StringVar(&o.provider, "comment-provider", "", "github, gitlab, gitea, forgejo, bitbucket or "+
		"bitbucket-data-center")
	f.StringVar(&o.api, "comment-api", "", "base of the host's API, such as https://git.example.com/api/v1")
	f.StringVar(&o.repository, "comment-repository", "", "owner/name of the repository on the host")
	f.StringVar(&o.tokenFile, "comment-token-file", "", "file with the host's token, - for stdin (default: "+
		"GITHUB_TOKEN, GITLAB_TOKEN, GITEA_TOKEN or BITBUCKET_TOKEN of the environment)")
	f.BoolVar(&o.plain, "comment-allow-http", false, "send the token over http as well")
}

// Check refuses what does not go together.
func (o *Options) Check() error {
	switch {
	case !o.Comment && (o.number != 0 || o.forks || o.provider != "" || o.api != "" || o.repository != "" ||
		o.tokenFile != ""):
		return errors.New("--pull-request, --allow-forks and --comment-…: are for --comment, which is not given")
	case o.number < 0:
		return fmt.Errorf("--pull-request: %d is no number of a pull request", o.number)
	case o.provider != "" && providers[o.provider] == "":
		return fmt.Errorf("--comment-provider: %q is none of github, gitlab, gitea, forgejo, bitbucket and "+
			"bitbucket-data-center", o.provider)
	}
	return nil
}

// Plan is what is told.
type Plan struct {
	Answer *answer.Answer
	// Names has nodes named.
	Names bool
	// Server tells clusters apart that have no name, and About plans that are of no Sync.
	Server, About string
}

// Surroundings are what a command is run with.
type Surroundings struct {
	Env   func(string) string
	Stdin io.Reader
	Notes io.Writer // what was done is said there
}

// Post comments, and says what it did.
func (o *Options) Post(ctx context.Context, p Plan, s Surroundings) error {
	job := comment.JobOf(s.Env)
	if o.provider != "" && providers[o.provider] != job.Provider {
		job = comment.Job{Provider: providers[o.provider]} // what the job says, and its token, are of another host
	}
	if o.api != "" && !sameHost(o.api, job.API) && !sameHost(o.api, job.Source) {
		job.Token = "" // which is for the job's own host
	}
	place, err := o.place(job)
	if err != nil {
		return err
	}
	token, err := o.token(job, s.Stdin)
	if err != nil {
		return err
	}
	auth := gitsource.Auth{Token: token, NoPlain: !o.plain}
	if err := auth.BelongTo(place.API); err != nil {
		return fmt.Errorf("--comment: %s uses http, which everybody on the way can read: use https, or give "+
			"--comment-allow-http", place.API)
	}
	tokens := func(context.Context) (forge.Token, error) { return forge.Token{Secret: token}, nil }
	host, err := forge.NewHost(place, tokens, forge.Options{Client: &http.Client{}})
	if err != nil {
		return err
	}
	at := comment.Target{Number: job.Number, Commit: job.Commit, Forks: o.forks}
	if o.number != 0 {
		at.Number = o.number
	}
	if at.Number == 0 && at.Commit == "" {
		return errors.New("--comment: this is no CI job that is known: give the number by --pull-request")
	}
	done, err := comment.Post(ctx, host, at, o.comment(p))
	if err != nil {
		return fmt.Errorf("--comment: %w", err)
	}
	say(s.Notes, place, at, done)
	return nil
}

// place is the repository on its host.
func (o *Options) place(job comment.Job) (forge.Place, error) {
	if job.Provider == "" {
		return forge.Place{}, errors.New("--comment: this is no CI job that is known: say which host it is by " +
			"--comment-provider, --comment-api and --comment-repository")
	}
	api, repository, source := job.API, job.Repository, job.Source
	if o.api != "" {
		api = o.api
	}
	if o.repository != "" {
		repository = o.repository
	}
	if source == "" {
		if api == "" || repository == "" {
			return forge.Place{}, errors.New("--comment: give --comment-api and --comment-repository")
		}
		source = strings.TrimRight(api, "/") + "/" + repository
	}
	place, err := forge.Locate(job.Provider, source, api, repository)
	if err != nil {
		return place, fmt.Errorf("--comment: %w", err)
	}
	return place, nil
}

// sameHost compares where two URLs lead.
func sameHost(a, b string) bool {
	x, err := url.Parse(a)
	y, other := url.Parse(b)
	return err == nil && other == nil && x.Host != "" && strings.EqualFold(x.Host, y.Host)
}

// token is that of the file, else that of the job's environment.
func (o *Options) token(job comment.Job, stdin io.Reader) (string, error) {
	if o.tokenFile == "" {
		if job.Token == "" {
			return "", fmt.Errorf("--comment: no token: give one by --comment-token-file%s", orBy(job.Variables))
		}
		return job.Token, nil
	}
	var text []byte
	var err error
	if o.tokenFile == "-" {
		text, err = io.ReadAll(io.LimitReader(stdin, 1<<16))
	} else {
		text, err = os.ReadFile(o.tokenFile)
	}
	token := strings.TrimSpace(string(text))
	switch {
	case err != nil:
		return "", fmt.Errorf("--comment-token-file: %w", err)
	case token == "" || strings.ContainsAny(token, "\r\n"):
		return "", fmt.Errorf("--comment-token-file: %s: expected one line with the token", o.tokenFile)
	}
	return token, nil
}

func orBy(variables []string) string {
	if len(variables) == 0 {
		return ""
	}
	return " or in the variable " + variables[0]
}

// comment is what is said: the answer's first block is its head.
func (o *Options) comment(p Plan) comment.Comment {
	blocks := p.Answer.Markdown(p.Names)
	c := comment.Comment{Cluster: o.cluster, Sync: p.Answer.Sync, Head: strings.TrimRight(blocks[0], "\n")}
	if o.cluster != "" {
		c.Head += "\n\nCluster " + comment.Code(o.cluster)
	} else {
		c.Cluster = "at " + p.Server
	}
	if c.Sync == "" {
		c.Sync = "without a Sync: " + p.About
	}
	for _, b := range blocks[1:] {
		first, _, _ := strings.Cut(b, "\n")
		c.Blocks = append(c.Blocks, comment.Block{Name: strings.TrimLeft(first, "# "),
			Text: strings.TrimRight(b, "\n")})
	}
	return c
}

// say tells what was done.
func say(notes io.Writer, place forge.Place, at comment.Target, done comment.Result) {
	where := fmt.Sprintf("pull request %d of %s", done.Number, place.Repository)
	switch done.Did {
	case comment.NoPull:
		_, _ = fmt.Fprintf(notes, "no comment: commit %s is the head of no open pull request of %s; --pull-request "+
			"names one\n", at.Commit, place.Repository)
		return
	case comment.FromFork:
		_, _ = fmt.Fprintf(notes, "no comment: %s is from a fork, or nobody can say from where; --allow-forks "+
			"allows it\n", where)
		return
	}
	_, _ = fmt.Fprintf(notes, "comment on %s: %s\n", where, done.Did)
	if done.ByMarker && done.Did != comment.Made {
		_, _ = fmt.Fprintf(notes, "%s does not tell whose the token is: the comment was known by its hidden marker "+
			"alone\n", place.Provider)
	}
	if n := len(done.LeftOut); n > 0 {
		_, _ = fmt.Fprintf(notes, "left out of the comment, as the host takes no more: %s\n",
			english.Count(n, "part"))
	}
}
