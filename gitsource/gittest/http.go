package gittest

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// ServeHTTP serves the repositories in a folder over http to clients that know the password, and calls advertise before
// it answers where the refs are. Below /readonly it takes no push. A refusal repeats the credentials that it was shown.
func ServeHTTP(t testing.TB, dir, password string, advertise func()) (url string) {
	t.Helper()
	path, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	backend := &cgi.Handler{Path: filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"),
		Stderr: io.Discard,
		Env:    []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=ada", "HOME=" + dir}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, given, _ := r.BasicAuth()
		if strings.HasSuffix(r.URL.Path, "/info/refs") {
			advertise()
		}
		rest, readonly := strings.CutPrefix(r.URL.Path, "/readonly")
		switch {
		case given != password:
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			AnswerEcho(w, http.StatusUnauthorized, EchoOf(r))
		case readonly && strings.Contains(r.URL.String(), "git-receive-pack"):
			AnswerEcho(w, http.StatusForbidden, EchoOf(r))
		default:
			r.URL.Path = rest
			backend.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// EchoOf is everything that identifies the sender of a request, as it came and taken apart.
func EchoOf(r *http.Request) string {
	user, password, _ := r.BasicAuth()
	token := r.Header.Get("Private-Token")
	_, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	_, proxy, _ := strings.Cut(r.Header.Get("Proxy-Authorization"), " ")
	decoded, _ := base64.StdEncoding.DecodeString(proxy)
	all := []string{user, password, token, value, proxy, string(decoded), r.Header.Get("Authorization")}
	return strings.Join(all, " | ")
}

// AnswerEcho answers with an error in the forms that Git hosts use, and repeats the credentials in it.
func AnswerEcho(w http.ResponseWriter, code int, echo string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{"message": "who is " + echo,
		"error": map[string]string{"message": echo}, "errors": []string{echo}})
}
