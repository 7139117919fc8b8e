package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/gitsource/gittest"
)

// leaky is one Sync that fails in one way, or works.
type leaky struct {
	name    string
	source  string            // fields of spec.source
	report  string            // fields of spec.report
	more    string            // other fields of the spec
	secrets map[string]string // of the Secret by the Sync's name
	files   map[string]string // of its folder in the repository on this machine
	says    string            // what must be said of it: then the failure has happened
	refused string            // what the API server says that does not take the Sync; empty if it does
}

// fleet are the Syncs of the test. In every Secret lies something hidden.
func leakyFleet(t *testing.T, v *vault, h *hostile) []leaky {
	t.Helper()
	fleet := append(sources(v, h), append(keys(t, v, h), reports(v, h)...)...)
	fleet = append(fleet, receivers(v, startHostile(t, v, httptest.NewServer))...)
	return append(append(fleet, renders(v)...), refusals(v)...)
}

// sources are repositories that cannot be polled.
func sources(v *vault, h *hostile) []leaky {
	token := func(name string) map[string]string { return map[string]string{"token": v.hide("the token of " + name)} }
	basic := func(name string) map[string]string {
		return map[string]string{"username": "ada", "password": v.hide("the password of " + name)}
	}
	var all []leaky
	for way, says := range map[string]string{"401": "(401)", "403": "(403)", "404": "not found", "500": "status 500",
		"away": "redirects to",
		"lost": "Location", "garbage": "not a Git server", "says": "no access", "hangs": ""} {
		all = append(all,
			leaky{name: "token-" + way, source: "url: " + h.URL + "/" + way + "/fleet.git",
				secrets: token("token-" + way), says: says},
			leaky{name: "basic-" + way, source: "url: " + h.URL + "/" + way + "/fleet.git",
				secrets: basic("basic-" + way), says: says})
	}
	return append(all,
		leaky{name: "bearer", source: "url: " + h.URL + "/401/fleet.git",
			secrets: map[string]string{"bearerToken": v.plain("the bearer token")}, says: "(401)"},
		leaky{name: "proxy", source: "url: http://git.invalid/fleet.git", says: "proxy",
			secrets: map[string]string{"proxy": strings.Replace(h.URL, "http://", "http://ada:"+v.plain("the proxy's "+
				"password")+"@", 1)}},
		leaky{name: "two-ways", source: "url: " + h.URL + "/401/fleet.git", says: "keep one of them",
			secrets: map[string]string{"token": v.hide("one of two tokens"), "bearerToken": v.hide("the other token")}},
		leaky{name: "two-lines", source: "url: " + h.URL + "/401/fleet.git", says: "more than one line",
			secrets: map[string]string{"token": v.hide("line 1 of a token") + "\n" + v.hide("line 2 of a token")}},
		leaky{name: "in-the-url", source: "url: http://ada:" + v.plain("the password in a URL") + "@" +
			strings.TrimPrefix(h.URL, "http://") + "/401/fleet.git", refused: "neither a password nor a token"},
		leaky{name: "broken-url", source: "url: 'http://ada:" + v.plain("the password in a broken URL") +
			"@[%zz/fleet.git'", refused: "neither a password nor a token"},
	)
}

// keys are credentials that are files.
func keys(t *testing.T, v *vault, h *hostile) []leaky {
	t.Helper()
	tls := startHostile(t, v, httptest.NewTLSServer)
	cert := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: tls.Certificate().Raw}))
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	check(t, err)
	other := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	app, err := rsa.GenerateKey(rand.Reader, 2048)
	check(t, err)
	appKey := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(app)}))
	passphrase := v.hide("the right passphrase")
	open, locked := sshKey(t, ""), sshKey(t, passphrase)
	for what, file := range map[string]string{"the client's key": other, "the App's key": appKey, "an SSH key": open,
		"a locked SSH key": locked} {
		v.keep(what, file)
	}
	address, known := startSSH(t)
	_, elsewhere := startSSH(t)
	ofApp := func(way string) map[string]string {
		return map[string]string{"githubAppID": "17", "githubAppInstallationID": "42", "githubAppPrivateKey": appKey,
			"githubAppBaseURL": h.URL + "/" + way}
	}
	ssh := "url: ssh://git@" + address + "/fleet.git"
	return []leaky{
		{name: "unknown-ca", source: "url: " + tls.URL + "/401/fleet.git",
			secrets: map[string]string{"token": v.hide("the token over TLS")}, says: "certificate"},
		{name: "wrong-pair", source: "url: " + tls.URL + "/401/fleet.git", secrets: map[string]string{"tls.crt": cert,
			"tls.key": other}, says: "certificate"},
		{name: "no-key", source: "url: " + tls.URL + "/401/fleet.git", secrets: map[string]string{"tls.crt": cert,
			"tls.key": v.hide("what is no key")}, says: "key"},
		{name: "app-401", source: "url: " + h.URL + "/401/fleet.git", secrets: ofApp("401"), says: "(401)"},
		{name: "app-500", source: "url: " + h.URL + "/401/fleet.git", secrets: ofApp("500"), says: "status 500"},
		{name: "app-garbage", source: "url: " + h.URL + "/401/fleet.git", secrets: ofApp("201"), says: "not GitHub"},
		{name: "app-gives", source: "url: " + h.URL + "/gives/fleet.git", secrets: ofApp("gives"), says: "(401)"},
		{name: "app-no-key", source: "url: " + h.URL + "/401/fleet.git", says: "key",
			secrets: map[string]string{"githubAppID": "17", "githubAppInstallationID": "43",
				"githubAppPrivateKey": v.hide("what is no App's key"), "githubAppBaseURL": h.URL}},
		{name: "ssh-refused", source: ssh, secrets: map[string]string{"identity": open, "known_hosts": known},
			says: "key"},
		{name: "ssh-unknown", source: ssh, secrets: map[string]string{"identity": open, "known_hosts": elsewhere},
			says: "SHA256:"},
		{name: "ssh-locked", source: ssh, says: "passphrase",
			secrets: map[string]string{"identity": locked, "identity.password": v.hide("the wrong passphrase"),
				"known_hosts": known}},
		{name: "ssh-broken", source: ssh, secrets: map[string]string{"identity": v.hide("what is no SSH key"),
			"known_hosts": known}, says: "key"},
	}
}

// reports are Git hosts that do not take what they are told.
func reports(v *vault, h *hostile) []leaky {
	var all []leaky
	for _, provider := range []string{"GitHub", "GitLab", "Gitea", "BitbucketCloud", "BitbucketDataCenter"} {
		for _, way := range []string{"401", "403", "404", "422", "500", "away", "lost"} {
			name := strings.ToLower(provider) + "-" + way
			says := provider + " answers " + way
			switch way {
			case "away", "lost":
				says = provider
			case "404", "500": // are no trouble yet
				says = "POST /" + way
			}
			one := leaky{name: name, says: says, secrets: map[string]string{"token": v.hide("the token of " + name)}}
			if provider == "BitbucketCloud" {
				one.secrets = map[string]string{"username": "ada", "password": v.hide("the app password of " + name)}
			}
			one.report = "provider: " + provider + ", url: " + h.URL + "/" + way + ", repository: acme/" + name +
				", secretRef: {name: " + name + "}"
			one.files = map[string]string{"map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name +
				"}\n"}
			all = append(all, one)
		}
	}
	return all
}

// receivers are told of changes, by a URL that is a secret as well, and do not take them. The host is another one than
// that of the others, since a receiver may know its own URL.
func receivers(v *vault, h *hostile) []leaky {
	var all []leaky
	for way, says := range map[string]string{"200": `"state":"Complete"`, "302": "not followed", "400": "was not taken",
		"401": "answers 401", "404": "answers 404", "410": "answers 410", "500": "answers 500", "lost": "the connection broke"} {
		name := "notify-" + way
		all = append(all, leaky{name: name, says: says, report: "notify: {secretRef: {name: " + name + "}}",
			secrets: map[string]string{"url": h.URL + "/" + way + "/" + v.plain("the path of "+name) + "?to=" +
				v.plain("the query of "+name), "token": v.hide("the token of " + name), "hmacKey": v.hide("the key of " + name)},
			files: map[string]string{"map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\n"}})
	}
	return append(all,
		leaky{name: "notify-url", says: "the key url must", report: "notify: {secretRef: {name: notify-url}}",
			secrets: map[string]string{"url": "slack://" + v.plain("the token of a URL") + "@hooks"},
			files:   map[string]string{"map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notify-url}\n"}},
		leaky{name: "notify-proxy", says: "answers 407", report: "notify: {secretRef: {name: notify-proxy}}",
			secrets: map[string]string{"url": "http://receiver.invalid/" + v.plain("a path beyond a proxy"),
				"proxy": strings.Replace(h.URL, "http://", "http://ada:"+v.plain("the password of a proxy")+"@", 1)},
			files: map[string]string{"map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notify-proxy}\n"}})
}

// renders are commits whose files hold a Secret that kustomize cannot make.
func renders(v *vault) []leaky {
	secret := "apiVersion: v1\nkind: Secret\nmetadata: {name: quoted}\n"
	return []leaky{
		{name: "literal", says: "invalid literal", files: map[string]string{
			"kustomization.yaml": "secretGenerator: [{name: quoted, literals: ['" + v.plain("a literal without a key") +
				"']}]\n"}},
		{name: "env-file", says: "is invalid", files: map[string]string{"values.env": "bad key " +
			v.plain("a line of an env file") + "\n",
			"kustomization.yaml": "secretGenerator: [{name: quoted, envs: [values.env]}]\n"}},
		{name: "patch", says: "Failed", files: map[string]string{"secret.yaml": secret,
			"kustomization.yaml": "resources: [secret.yaml]\npatches:\n- patch: |\n    " +
				strings.ReplaceAll(strings.Replace(secret, "quoted", "other", 1), "\n", "\n    ") +
				"stringData: {password: '" + v.plain("a password in a patch") + "'}\n"}},
		{name: "not-yaml", says: "Failed", files: map[string]string{"secret.yaml": secret + "stringData: {password: " +
			v.plain("a password in broken YAML") + ": [}\n"}},
		{name: "twice", says: "Failed", files: map[string]string{"a.yaml": secret + "stringData: {a: " +
			v.plain("a Secret's value, once") + "}\n",
			"b.yaml": secret + "stringData: {a: " + v.plain("a Secret's value, twice") + "}\n"}},
	}
}

// refusals are Secrets that the API server does not take, and that it quotes where it can.
func refusals(v *vault) []leaky {
	refused := func(name, fields string) leaky {
		return leaky{name: name, says: "refuses Secret", files: map[string]string{"secret.yaml": "apiVersion: " +
			"v1\nkind: Secret\nmetadata: {name: " + name + "}\n" + fields + "\n"}}
	}
	docker := base64.StdEncoding.EncodeToString([]byte(`{"auths": ` + v.plain("a registry's password")))
	return []leaky{
		refused("not-base64", "data: {password: '"+v.plain("what is not base64")+"!'}"),
		refused("not-text", "stringData: {password: ["+v.plain("a list")+"]}"),
		refused("not-json", "type: kubernetes.io/dockerconfigjson\ndata: {.dockerconfigjson: "+docker+"}"),
		refused("no-field", "datas: {password: "+v.plain("what is in no field")+"}"),
		refused("a-number", "data: {password: 7}\nstringData: {other: "+v.plain("what stands beside a number")+"}"),
	}
}

// write puts the Sync's files into the repository, and returns the Sync.
func (l leaky) write(t *testing.T, repo string) string {
	t.Helper()
	if len(l.files) > 0 {
		check(t, os.MkdirAll(filepath.Join(repo, l.name), 0o755))
		l.source = "url: " + repo + ", path: " + l.name
	} else if len(l.secrets) > 0 {
		l.source += ", secretRef: {name: " + l.name + "}"
	}
	for name, text := range l.files {
		gittest.Write(t, filepath.Join(repo, l.name, name), text)
	}
	text := "apiVersion: daemongate.io/v1alpha1\nkind: Sync\nmetadata:\n  name: " + l.name + "\n  namespace: leaks\n" +
		fmt.Sprintf("  annotations: {%s: %q}\n", corev1.LastAppliedConfigAnnotation, l.source) + "spec:\n" +
		"  source: {" + l.source + ", interval: 1h}\n  apply: {targetNamespace: leaks}\n  rollout: {settle: 1s, " +
		"proof: 0s}\n"
	if l.report != "" {
		text += "  report: {" + l.report + "}\n"
	}
	return text + l.more
}
