package controller

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/githubapp/apptest"
)

func secretOf(data map[string]string) *corev1.Secret {
	s := &corev1.Secret{Data: map[string][]byte{}}
	for k, v := range data {
		s.Data[k] = []byte(v)
	}
	return s
}

// Every way to identify is reachable, under our names and under those of the Secret types that Kubernetes knows.
func TestSecretsBecomeCredentials(t *testing.T) {
	for name, c := range map[string]struct {
		data map[string]string
		want gitsource.Auth
	}{
		"basic-auth": {map[string]string{"username": "ada", "password": "p w\n"}, gitsource.Auth{Username: "ada",
			Password: "p w"}},
		"token": {map[string]string{"token": "t\n"}, gitsource.Auth{Token: "t"}},
		"named token": {map[string]string{"username": "oauth2", "token": "t"}, gitsource.Auth{Username: "oauth2",
			Token: "t"}},
		"bearer": {map[string]string{"bearerToken": "t"}, gitsource.Auth{Bearer: "t"}},
		"ssh": {map[string]string{"identity": "KEY\n", "identity.password": "x", "identity.pub": "PUB",
			"known_hosts": "h k"},
			gitsource.Auth{SSHKey: []byte("KEY\n"), SSHPassphrase: "x", KnownHosts: []byte("h k")}},
		"ssh-auth": {map[string]string{"ssh-privatekey": "KEY", "known_hosts": "h k"},
			gitsource.Auth{SSHKey: []byte("KEY"), KnownHosts: []byte("h k")}},
		"tls": {map[string]string{"tls.crt": "C", "tls.key": "K", "ca.crt": "CA"},
			gitsource.Auth{ClientCert: []byte("C"), ClientKey: []byte("K"), CA: []byte("CA")}},
		"ca and proxy": {map[string]string{"ca.crt": "CA", "proxy": "socks5://h:1"}, gitsource.Auth{CA: []byte("CA"),
			Proxy: "socks5://h:1"}},
	} {
		got, err := (&apps{}).authOf(secretOf(c.data))
		if err != nil || !got.Equal(c.want) {
			t.Errorf("%s: other credentials than expected, or an error: %v", name, err)
		}
	}
}

// A Secret that cannot be meant gets an error that names the keys, and nothing of what is in them.
func TestSecretsThatCannotBeMeant(t *testing.T) {
	for words, data := range map[string]map[string]string{
		"neither password nor token":                      {"username": "hidden"},
		"[passwort, user]":                                {"user": "hidden", "passwort": "hidden"},
		"has the keys []":                                 {},
		"password and token":                              {"password": "hidden", "token": "hidden"},
		"both tls.crt and tls.key":                        {"tls.crt": "hidden"},
		"both identity and ssh-privatek":                  {"identity": "hidden", "ssh-privatekey": "hidden"},
		"the key token is empty":                          {"token": ""},
		"token has more than one line":                    {"token": "hidden\nhidden"},
		"no identity that it opens":                       {"identity.password": "hidden", "password": "hidden"},
		"keep one of them":                                {"bearerToken": "hidden", "token": "hidden"},
		"has keys of a GitHub App, but not githubAppInst": {"githubAppID": "1", "githubAppPrivateKey": "hidden"},
		"GitHub App's private key cannot be": {"githubAppID": "1", "githubAppInstallationID": "2",
			"githubAppPrivateKey": "hidden"},
		"client certificate needs both t": {"tls.key": "hidden", "token": "hidden"},
	} {
		auth, err := (&apps{}).authOf(secretOf(data))
		if err == nil || !strings.Contains(err.Error(), words) || strings.Contains(fmt.Sprintf("%v %+v", err, auth),
			"hidden") {
			t.Errorf("%v, want %q", err, words)
		}
	}
}

// Secrets of the same App share it, and with it its tokens.
func TestAppsAreShared(t *testing.T) {
	_, key, err := apptest.New("1", "2")
	if err != nil {
		t.Fatal(err)
	}
	var known apps
	secret := secretOf(map[string]string{"githubAppID": "1\n", "githubAppInstallationID": "2",
		"githubAppPrivateKey": key})
	one, err := known.authOf(secret)
	if err != nil {
		t.Fatal(err)
	}
	two, err := known.authOf(secret)
	if err != nil || one.App != two.App || !one.Equal(two) {
		t.Errorf("the App is not shared: %v", err)
	}
}
