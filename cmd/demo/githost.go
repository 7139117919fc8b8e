package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/gitsource/hosttest"
	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/manifests/install"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// gitHost is where the repository of the story is.
type gitHost struct {
	// url is what Daemongate reads, push what the person pushes to.
	url, push string
	// secret holds Daemongate's credentials; nobody needs any if it is empty.
	secret map[string]string
	// provider is how Daemongate reports to it.
	provider string
	// told is what the host shows about a commit, a line per context; conclude prints it for all of them.
	told     func(ctx context.Context, r *repository, commit string) (string, error)
	conclude func(ctx context.Context, p *player, out io.Writer) error
	stop     func()
}

// openHost returns the Git host of that name: the cluster's own plain Git server, or a Gitea.
func openHost(name string, cluster *clustertest.Cluster) (*gitHost, error) {
	switch name {
	case "":
		url, err := cluster.CreateRepo("fleet")
		return &gitHost{url: url, push: url, provider: "Notes", told: noted, conclude: printNotes, stop: func() {}}, err
	case "gitea":
		return openGitea()
	}
	return nil, fmt.Errorf("HOST=%s: there is only HOST=gitea, or none for plain Git", name)
}

func openGitea() (*gitHost, error) {
	h, stop, err := hosttest.StartMain()
	if err != nil {
		return nil, err
	}
	url, err := h.CreateRepo("fleet")
	if err != nil {
		stop()
		return nil, err
	}
	token, err := h.NewToken("write:repository")
	if err != nil {
		stop()
		return nil, err
	}
	told := func(_ context.Context, _ *repository, commit string) (string, error) { return statuses(h, commit) }
	return &gitHost{
		url: url, push: h.WithCredentials(url), provider: "Gitea", stop: stop, told: told,
		secret: map[string]string{"username": h.User, "token": token, "allowHTTP": "true"},
		conclude: func(ctx context.Context, p *player, out io.Writer) error {
			_, _ = fmt.Fprintf(out, "\n── What the Git host shows beside each commit (%s)\n",
				strings.TrimSuffix(url, ".git"))
			for _, c := range p.pushed {
				text, err := told(ctx, p.repo, c.hash)
				if err != nil {
					return err
				}
				_, _ = fmt.Fprintf(out, "%s  %s\n         %s\n", api.Short(c.hash), c.subject, text)
			}
			return nil
		},
	}, nil
}

// statuses are a commit's statuses, as lines "context: state: description".
func statuses(h *hosttest.Host, commit string) (string, error) {
	list, err := h.Statuses("fleet", commit)
	var lines []string
	for _, s := range list {
		lines = append(lines, fmt.Sprintf("%s: %s: %s", s.Context, s.State, s.Description))
	}
	return strings.Join(lines, "\n"), err
}

// settles returns when the host says that the last commit is done with.
func (h *gitHost) settles(ctx context.Context, p *player) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	last, said := p.pushed[len(p.pushed)-1].hash, ""
	for {
		if text, err := h.told(ctx, p.repo, last); err == nil {
			said = text
		}
		if strings.Contains(said, "success") {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the Git host does not say what became of %s: %q", last, said)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// sync is the Sync of the story.
func (h *gitHost) sync() string {
	secretRef, secretName := "", ""
	if len(h.secret) > 0 {
		secretRef, secretName = "\n    secretRef: {name: git-host}", ", secretRef: {name: git-host}"
	}
	return fmt.Sprintf(`apiVersion: daemongate.io/v1alpha1
kind: Sync
metadata: {name: node-agents, namespace: platform}
spec:
  source:
    url: %s%s
    ref: {branch: main}
    path: clusters/demo/agents
    interval: 1s
  apply: {serviceAccountName: deployer}
  rollout: {proof: 10s}
  report: {provider: %s, context: daemongate/demo, unchanged: true%s}
`, h.url, secretRef, h.provider, secretName)
}

// prepare installs what the Sync needs before it is there: the resource itself, its ServiceAccount and its Secret. So
// not the first moment of it is missed.
func (h *gitHost) prepare(ctx context.Context, cluster *clustertest.Cluster) error {
	objects, err := install.CRD()
	if err != nil {
		return err
	}
	account, err := deployerObjects()
	if err != nil {
		return err
	}
	objects = append(objects, account...)
	if len(h.secret) > 0 {
		data := map[string]any{}
		for key, value := range h.secret {
			data[key] = value
		}
		objects = append(objects,
			&unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret",
				"metadata": map[string]any{"name": "git-host", "namespace": "platform"}, "stringData": data}})
	}
	return install.Apply(ctx, cluster.Config, objects)
}
