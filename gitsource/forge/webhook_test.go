package forge_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/gitsource/forge"
)

const hookSecret = "shared-s3cret"

func sign(body, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

// hooks are pushes as the hosts document them, shortened to what is read.
var hooks = []struct {
	provider forge.Provider
	body     string
	headers  func(body, secret string) map[string]string
	refs     []string
}{
	{forge.GitHub, `{"ref":"refs/heads/main","before":"a"}`, func(b, s string) map[string]string {
		return map[string]string{"X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256=" + sign(b, s)}
	}, []string{"refs/heads/main"}},
	{forge.GitLab, `{"object_kind":"tag_push","ref":"refs/tags/v1"}`, func(_, s string) map[string]string {
		return map[string]string{"X-Gitlab-Event": "Tag Push Hook", "X-Gitlab-Token": s}
	}, []string{"refs/tags/v1"}},
	{forge.Gitea, `{"ref":"v1","ref_type":"tag"}`, func(b, s string) map[string]string {
		return map[string]string{"X-Gitea-Event": "create", "X-Gitea-Signature": sign(b, s)}
	}, []string{"refs/tags/v1"}},
	{forge.BitbucketCloud, `{"push":{"changes":[{"new":{"type":"branch","name":"main"},"old":null}]}}`,
		func(b, s string) map[string]string {
			return map[string]string{"X-Event-Key": "repo:push", "X-Hub-Signature": "sha256=" + sign(b, s)}
		}, []string{"refs/heads/main"}},
	{forge.BitbucketDataCenter, `{"eventKey":"repo:refs_changed","changes":[{"refId":"refs/heads/main"}]}`,
		func(b, s string) map[string]string {
			return map[string]string{"X-Event-Key": "repo:refs_changed", "X-Hub-Signature": "sha256=" + sign(b, s)}
		}, []string{"refs/heads/main"}},
	{forge.Generic, `anything`, func(b, s string) map[string]string {
		return map[string]string{"X-Signature-256": sign(b, s)}
	}, nil},
}

func headers(m map[string]string) http.Header {
	h := http.Header{}
	for name, value := range m {
		h.Set(name, value)
	}
	return h
}

// A webhook of every host is believed with the right secret, and with no other, no other provider's way, and no change
// of the body.
func TestWebhooksAreBelievedWithTheSecret(t *testing.T) {
	for _, c := range hooks {
		t.Run(string(c.provider), func(t *testing.T) {
			good := headers(c.headers(c.body, hookSecret))
			for _, p := range []forge.Provider{c.provider, ""} {
				hook, believed, err := forge.ReadHook(good, strings.NewReader(c.body), p, []byte(hookSecret))
				if err != nil || !believed || !hook.Push || !slices.Equal(hook.Refs, c.refs) {
					t.Errorf("for %q: %+v, %v, %v", p, hook, believed, err)
				}
			}
			other := forge.GitHub
			if c.provider == forge.GitHub {
				other = forge.Generic
			}
			for what, read := range map[string]func() bool{
				"another secret": func() bool {
					return believed(headers(c.headers(c.body, "wrong")), c.body,
						c.provider, hookSecret)
				},
				"no secret": func() bool {
					return believed(headers(c.headers(c.body, "")), c.body, c.provider,
						"")
				},
				"another provider": func() bool { return believed(good, c.body, other, hookSecret) },
				"no header":        func() bool { return believed(http.Header{}, c.body, "", hookSecret) },
			} {
				if read() {
					t.Errorf("believed with %s", what)
				}
			}
			if c.provider != forge.GitLab && believed(good, c.body+" ", c.provider, hookSecret) {
				t.Error("believed with another body")
			}
		})
	}
}

func believed(h http.Header, body string, p forge.Provider, secret string) bool {
	_, ok, err := forge.ReadHook(h, strings.NewReader(body), p, []byte(secret))
	return ok && err == nil
}

// unread is a body that must not be read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

// Of who cannot prove that he knows the secret, whatever he sends, no body is read.
func TestAnUnsignedBodyIsNotRead(t *testing.T) {
	digits := strings.Repeat("0", 64)
	for what, c := range map[string]struct {
		provider     forge.Provider
		header, sent string
	}{
		"no header":                {"", "X-Other", digits},
		"no header of this host":   {forge.GitHub, "X-Gitea-Signature", digits},
		"too few digits":           {forge.GitHub, "X-Hub-Signature-256", "sha256=" + digits[:62]},
		"too many digits":          {forge.Gitea, "X-Gitea-Signature", digits + "00"},
		"no digits":                {forge.Generic, "X-Signature-256", strings.Repeat("x", 64)},
		"another hash":             {forge.BitbucketCloud, "X-Hub-Signature", "sha1=" + digits},
		"another token":            {forge.GitLab, "X-Gitlab-Token", "another"},
		"another token, any host":  {"", "X-Gitlab-Token", "another"},
		"half a signature of many": {"", "X-Hub-Signature", "sha256="},
	} {
		t.Run(what, func(t *testing.T) {
			h := headers(map[string]string{c.header: c.sent})
			if _, ok, err := forge.ReadHook(h, unread{t}, c.provider, []byte(hookSecret)); ok || err != nil {
				t.Errorf("answered %v, %v", ok, err)
			}
		})
	}
}

// Only a push that moved the ref, or may have, is of interest.
func TestWhichHooksMoveARef(t *testing.T) {
	event := func(name, body string) forge.Hook {
		h := headers(map[string]string{"X-GitHub-Event": name, "X-Hub-Signature-256": "sha256=" +
			sign(body, hookSecret)})
		hook, ok, err := forge.ReadHook(h, strings.NewReader(body), forge.GitHub, []byte(hookSecret))
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		return hook
	}
	push := event("push", `{"ref":"refs/heads/main"}`)
	for ref, want := range map[string]bool{"refs/heads/main": true, "refs/heads/mai": false, "refs/tags/": false,
		"refs/heads/": true, "": true} {
		if push.Moves(ref) != want {
			t.Errorf("a push to main moves %q: %v", ref, !want)
		}
	}
	if event("ping", `{"zen":"x"}`).Moves("") || event("issues", `{"ref":"refs/heads/main"}`).Moves("refs/heads/main") {
		t.Error("what is no push moves a ref")
	}
	for _, body := range []string{"{", `{"ref":7}`, `{"ref":"refs/heads/main","x":"` + strings.Repeat("x", 2<<20) +
		`"}`} {
		if !event("push", body).Moves("refs/heads/other") {
			t.Errorf("a push of which nothing can be told moves nothing: %.40s", body)
		}
	}
}

// No header and no body of whatever form is believed without the secret, or makes anything break.
func FuzzWebhook(f *testing.F) {
	for _, c := range hooks {
		for name, value := range c.headers(c.body, "another") {
			f.Add(name, value, c.body, string(c.provider))
		}
	}
	f.Fuzz(func(t *testing.T, name, value, body, provider string) {
		h := http.Header{}
		h.Set(name, value)
		if believed(h, body, forge.Provider(provider), hookSecret) && value != hookSecret &&
			!strings.HasSuffix(strings.ToLower(value), sign(body, hookSecret)) {
			t.Errorf("believed %q: %q", name, value)
		}
		h.Set("X-Gitlab-Token", hookSecret)
		hook, ok, err := forge.ReadHook(h, strings.NewReader(body), forge.GitLab, []byte(hookSecret))
		if !ok || err != nil {
			t.Fatalf("not believed with the secret: %v", err)
		}
		_ = hook.Moves("refs/heads/main")
	})
}
