package controller

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/gitsource/githubapp/apptest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// firing asks a server about alerts, with what a Secret holds, if one is named.
func firing(t *testing.T, k *connections, url, secret string) error {
	t.Helper()
	gate := &api.AlertsGate{URL: url, Matchers: []string{`severity="page"`}}
	if secret != "" {
		gate.SecretRef = &api.LocalObjectReference{Name: secret}
	}
	source, err := k.Alerts(t.Context(), "platform", gate)
	if err == nil {
		_, err = source.Firing(t.Context())
	}
	return err
}

// Who knows of alerts is shown the credentials that are meant for it, and no others; no redirect is followed with them.
func TestWhoKnowsOfAlertsIsShownItsCredentialsAlone(t *testing.T) {
	var shown []string
	_, key, err := apptest.New("1", "2")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown = append(shown, r.Header.Get("Authorization"))
		if strings.HasPrefix(r.URL.Path, "/moved") {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, "[]")
	}))
	defer server.Close()
	for _, c := range []struct {
		name   string
		data   map[string]string
		secret string
		path   string
		want   string // what is shown; none if nothing is asked
		says   string // what the error says
	}{
		{name: "none", want: "-"},
		{name: "a token", data: map[string]string{"token": "s3cr3t", "allowHTTP": "true"}, secret: "git",
			want: "Bearer s3cr3t"},
		{name: "a password", data: map[string]string{"username": "ada", "password": "s3cr3t", "allowHTTP": "true"},
			secret: "git", want: "Basic YWRhOnMzY3IzdA=="},
		{name: "over http", data: map[string]string{"token": "s3cr3t"}, secret: "git", says: "http"},
		{name: "for another host", data: map[string]string{"token": "s3cr3t", "hosts": "git.test", "allowHTTP": "true"},
			secret: "git", says: "git.test"},
		{name: "a GitHub App", data: map[string]string{"githubAppID": "1", "githubAppInstallationID": "2",
			"githubAppPrivateKey": key, "allowHTTP": "true"}, secret: "git", says: "GitHub App"},
		{name: "a redirect", data: map[string]string{"token": "s3cr3t", "allowHTTP": "true"}, secret: "git", path: "/moved",
			want: "Bearer s3cr3t", says: "302"},
	} {
		shown = nil
		err := firing(t, connectionsWith(t, c.data), server.URL+c.path, c.secret)
		if (err != nil) != (c.says != "") || err != nil && (!strings.Contains(err.Error(), c.says) ||
			strings.Contains(err.Error(), "s3cr3t")) {
			t.Errorf("%s: %v", c.name, err)
		}
		got := strings.Join(shown, " ")
		if len(shown) == 1 && got == "" {
			got = "-"
		}
		if got != c.want {
			t.Errorf("%s: shown %q, want %q", c.name, got, c.want)
		}
	}
}
