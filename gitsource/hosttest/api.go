package hosttest

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Call asks the host's API (https://docs.gitea.com/api) as its user: body and answer are JSON, and may be nil. The
// error holds what the host said.
func (h *Host) Call(method, path string, body, answer any) error {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequest(method, h.URL+"/api/v1"+path, content)
	if err != nil {
		return err
	}
	request.SetBasicAuth(h.User, h.Password) // tokens are made with the password only
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s %s: %s: %s", method, path, response.Status, said)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(said, answer)
}

// CreateRepo makes an empty private repository and returns its URL, without credentials.
func (h *Host) CreateRepo(name string) (string, error) {
	err := h.Call(http.MethodPost, "/user/repos",
		map[string]any{"name": name, "private": true, "default_branch": "main"}, nil)
	return h.URL + "/" + h.User + "/" + name + ".git", err
}

// WithCredentials is a URL of this host with the user's password in it, as git takes it.
func (h *Host) WithCredentials(address string) string {
	return strings.Replace(address, "://", "://"+url.UserPassword(h.User, h.Password).String()+"@", 1)
}

// SSHURL is a repository's address for ssh.
func (h *Host) SSHURL(name string) string {
	return "ssh://git@" + h.SSH + "/" + h.User + "/" + name + ".git"
}

// NewToken makes a token of the user with these scopes only, such as read:repository.
func (h *Host) NewToken(scopes ...string) (string, error) {
	var token struct {
		SHA1 string `json:"sha1"`
	}
	err := h.Call(http.MethodPost, "/users/"+h.User+"/tokens", map[string]any{"name": rand.Text(), "scopes": scopes},
		&token)
	return token.SHA1, err
}

// AddDeployKey lets an ssh key, in the form of authorized_keys, read a repository.
func (h *Host) AddDeployKey(repo, key string) error {
	return h.Call(http.MethodPost, h.repo(repo)+"/keys",
		map[string]any{"title": rand.Text(), "key": key, "read_only": true}, nil)
}

// AddWebhook has every push to a repository told to a URL, signed with the secret.
func (h *Host) AddWebhook(repo, target, secret string) error {
	return h.Call(http.MethodPost, h.repo(repo)+"/hooks", map[string]any{
		"type": "gitea", "active": true, "events": []string{"push"},
		"config": map[string]string{"url": target, "content_type": "json", "secret": secret},
	}, nil)
}

// Protect lets nobody push to a branch.
func (h *Host) Protect(repo, branch string) error {
	return h.Call(http.MethodPost, h.repo(repo)+"/branch_protections",
		map[string]any{"rule_name": branch, "enable_push": false}, nil)
}

// Status is a commit's status as the host shows it.
type Status struct {
	Context     string `json:"context"`
	State       string `json:"status"`
	Description string `json:"description"`
	TargetURL   string `json:"target_url"`
}

// Statuses are the newest statuses of a commit, one of each context.
func (h *Host) Statuses(repo, commit string) ([]Status, error) {
	var combined struct {
		Statuses []Status `json:"statuses"`
	}
	err := h.Call(http.MethodGet, h.repo(repo)+"/commits/"+commit+"/status", nil, &combined)
	return combined.Statuses, err
}

func (h *Host) repo(name string) string { return "/repos/" + h.User + "/" + name }
