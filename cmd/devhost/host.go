package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Info says how to reach the host.
type Info struct {
	// of the web server: a repository is at URL/USER/NAME.git, the API at URL/api/v1
	URL        string `json:"url"`
	SSH        string `json:"ssh"`        // host:port: a repository is at ssh://git@HOST:PORT/USER/NAME.git
	KnownHosts string `json:"knownHosts"` // the line of known_hosts for SSH
	User       string `json:"user"`       // an administrator
	Password   string `json:"password"`
	Token      string `json:"token"` // of that user, with all scopes
}

const user = "ada"

// host is one Gitea.
type host struct {
	dir, home string // its own folder, and the one with the binary
	web       *process
	log       string
}

// start returns when the host answers. A port that somebody else took meanwhile is no failure: it is tried with others.
func (h *host) start(ctx context.Context) (Info, error) {
	const tries = 3
	var info Info
	var err error
	for range tries {
		if info, err = h.try(ctx); err == nil || ctx.Err() != nil {
			return info, err
		}
		h.stop()
	}
	return info, err
}

func (h *host) try(ctx context.Context) (Info, error) {
	s, err := newSettings(h.dir, filepath.Join(h.home, "static"))
	if err != nil {
		return Info{}, err
	}
	if err := s.write(); err != nil {
		return Info{}, err
	}
	info := Info{URL: s.url(), SSH: s.ssh(), User: user, Password: rand.Text()}
	if _, err := h.gitea(ctx, "migrate"); err != nil {
		return info, err
	}
	if info.Token, err = h.administrator(ctx, info.Password); err != nil {
		return info, err
	}
	h.log = filepath.Join(h.dir, "gitea.log")
	if h.web, err = startProcess(h.command(context.Background(), "web"), h.log); err != nil {
		return info, err
	}
	if err := h.answers(ctx, info.URL); err != nil {
		return info, err
	}
	info.KnownHosts, err = s.knownHosts()
	return info, err
}

// administrator makes the first user and returns its token.
func (h *host) administrator(ctx context.Context, password string) (token string, err error) {
	_, err = h.gitea(ctx, "admin", "user", "create", "--admin", "--username", user, "--password", password,
		"--email", user+"@example.com", "--must-change-password=false")
	if err != nil && !strings.Contains(err.Error(), "already exists") { // left by a start that found its port taken
		return "", err
	}
	if err != nil {
		if _, err := h.gitea(ctx, "admin", "user", "change-password", "--username", user, "--password", password,
			"--must-change-password=false"); err != nil {
			return "", err
		}
	}
	out, err := h.gitea(ctx, "admin", "user", "generate-access-token", "--raw", "--username", user, "--token-name",
		rand.Text(), "--scopes", "all")
	if err != nil {
		return "", err
	}
	return tokenIn(out)
}

var isToken = regexp.MustCompile(`^[0-9a-f]{40}$`)

// tokenIn is the token that Gitea printed: its last line. Before it there may be warnings, such as that root runs it.
func tokenIn(out string) (string, error) {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	token := strings.TrimSpace(lines[len(lines)-1])
	if !isToken.MatchString(token) {
		return "", errors.New("gitea admin user generate-access-token: printed no token of 40 hex digits last")
	}
	return token, nil
}

// gitea runs a command of Gitea to its end and returns what it printed.
func (h *host) gitea(ctx context.Context, args ...string) (string, error) {
	c := h.command(ctx, args...)
	var out, said bytes.Buffer
	c.Stdout, c.Stderr = &out, &said
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("gitea %s: %w: %s%s", strings.Join(args[:min(len(args), 3)], " "), err, out.String(),
			said.String())
	}
	return strings.TrimSpace(out.String()), nil
}

// command is untouched by the settings of whoever runs it.
func (h *host) command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, filepath.Join(h.home, "gitea"), append(args, "--config", configFile(h.dir),
		"--work-path", h.dir)...)
	c.Dir = h.dir
	c.Env = []string{"HOME=" + h.dir, "USER=" + os.Getenv("USER"), "PATH=" + os.Getenv("PATH"), "TZ=UTC"}
	return c
}

// wait returns when the context ends, or with an error when Gitea does.
func (h *host) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-h.web.ended:
		return h.failure(errors.New("gitea ended"))
	}
}

func (h *host) stop() {
	if h.web != nil {
		h.web.stop(10 * time.Second)
	}
}

// failure adds the last lines of the log to an error.
func (h *host) failure(err error) error {
	text, _ := os.ReadFile(h.log)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return fmt.Errorf("%w; it says last:\n  %s", err, strings.Join(lines[max(0, len(lines)-8):], "\n  "))
}
