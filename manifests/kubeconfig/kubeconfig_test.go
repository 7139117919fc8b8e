package kubeconfig

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/client-go/tools/clientcmd/api/v1"
)

// canary is what no error may repeat.
const canary = "s3cr3t"

// file is a kubeconfig of one context, with these fields of its cluster and its user.
func file(t *testing.T, cluster, user map[string]any) []byte {
	t.Helper()
	data, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "Config", "current-context": "there",
		"clusters": []any{map[string]any{"name": "c", "cluster": cluster}},
		"users":    []any{map[string]any{"name": "u", "user": user}},
		"contexts": []any{map[string]any{"name": "there", "context": map[string]any{"cluster": "c", "user": "u"}}}})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func plain() (cluster, user map[string]any) {
	return map[string]any{"server": "https://prod.example.com:6443"}, map[string]any{"token": canary}
}

// pair is a certificate and its key, as a kubeconfig has them.
func pair(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ada"},
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, der []byte) string {
		return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return encode("CERTIFICATE", der), encode("EC PRIVATE KEY", keyDER)
}

// A token, a client certificate and a password lead to the server that the current context names, also from YAML.
func TestWhatAKubeconfigSaysCounts(t *testing.T) {
	certificate, key := pair(t)
	cluster, _ := plain()
	cluster["certificate-authority-data"], cluster["tls-server-name"] = certificate, "api.internal"
	cluster["server"] = "https://prod.example.com:6443/clusters/a/"
	for name, user := range map[string]map[string]any{"token": {"token": canary},
		"certificate": {"client-certificate-data": certificate, "client-key-data": key},
		"password":    {"username": "ada", "password": canary}} {
		c, err := Parse(file(t, cluster, user))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c.Host != "https://prod.example.com:6443/clusters/a" || c.ServerName != "api.internal" || len(c.CAData) == 0 {
			t.Errorf("%s: leads to %s as %q", name, c.Host, c.ServerName)
		}
		if !(c.BearerToken == canary || c.Password == canary && c.Username == "ada" || len(c.KeyData) > 0 && len(c.CertData) > 0) {
			t.Errorf("%s: has no credentials", name)
		}
	}
	asYAML := "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts:\n- {name: a, context: {cluster: c, user: u}}\n" +
		"clusters:\n- {name: c, cluster: {server: 'https://h'}}\n- {name: other, cluster: {server: 'http://x', proxy-url: 'http://p'}}\n" +
		"users:\n- {name: u, user: {token: x}}\n- {name: other, user: {exec: {command: rm, apiVersion: client.authentication.k8s.io/v1}}}\n"
	if c, err := Parse([]byte(asYAML)); err != nil || c.Host != "https://h" {
		t.Errorf("what another context would use is in the way: %v", err)
	}
}

// Every field that a cluster or a user of a kubeconfig can have, by client-go's own types, counts here or is refused by
// its name: no path is read, nothing is run, nobody is acted as.
func TestEveryOtherFieldIsRefusedByItsName(t *testing.T) {
	secretFile := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(secretFile, []byte(canary), 0o600); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, part := range []struct {
		where   string
		of      reflect.Type
		allowed []string
	}{{"clusters[].cluster.", reflect.TypeFor[v1.Cluster](), ofCluster}, {"users[].user.", reflect.TypeFor[v1.AuthInfo](), ofUser}} {
		for i := range part.of.NumField() {
			field := part.of.Field(i)
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if slices.Contains(part.allowed, name) {
				continue
			}
			cluster, user := plain()
			of := cluster
			if part.where == "users[].user." {
				of = user
			}
			of[name] = valueOf(t, field.Type, secretFile)
			c, err := Parse(file(t, cluster, user))
			if err == nil || !strings.Contains(err.Error(), part.where+name+" is refused: ") || c != nil {
				t.Errorf("%s%s: %v", part.where, name, err)
				continue
			}
			if strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), secretFile) {
				t.Errorf("%s%s: the error says what stands there: %v", part.where, name, err)
			}
			seen++
		}
	}
	if seen < 12 {
		t.Errorf("only %d fields were tried", seen)
	}
}

// valueOf is some value of a field.
func valueOf(t *testing.T, of reflect.Type, text string) any {
	t.Helper()
	switch {
	case of == reflect.TypeFor[*v1.ExecConfig]():
		return map[string]any{"command": text, "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never"}
	case of == reflect.TypeFor[*v1.AuthProviderConfig]():
		return map[string]any{"name": "gcp", "config": map[string]any{"access-token": text}}
	case of.Kind() == reflect.Bool:
		return true
	case of.Kind() == reflect.String:
		return text
	case of.Kind() == reflect.Slice:
		return []any{text}
	case of.Kind() == reflect.Map:
		return map[string]any{"a": []any{text}}
	}
	t.Fatalf("a field of the kind %s: is it refused?", of)
	return nil
}

// What is missing, half there or unreadable is said by its field or its line, and nothing of its value.
func TestWhatIsWrongIsNamed(t *testing.T) {
	certificate, _ := pair(t)
	_, other := pair(t)
	cluster, user := plain()
	with := func(m map[string]any, more ...any) map[string]any {
		changed := map[string]any{}
		for k, v := range m {
			changed[k] = v
		}
		for i := 0; i < len(more); i += 2 {
			changed[fmt.Sprint(more[i])] = more[i+1]
		}
		return changed
	}
	for says, data := range map[string][]byte{
		"current-context is missing":       []byte("apiVersion: v1\nkind: Config\n"),
		"current-context names no context": []byte("apiVersion: v1\nkind: Config\ncurrent-context: " + canary),
		"names no cluster":                 []byte("current-context: a\ncontexts: [{name: a, context: {cluster: " + canary + "}}]"),
		"names no user":                    []byte("current-context: a\ncontexts: [{name: a, context: {cluster: c}}]\nclusters: [{name: c, cluster: {server: 'https://x'}}]"),
		"line 2 cannot be read":            []byte("users:\n  - token: " + canary + ": " + canary + "\n :"),
		"is no kubeconfig":                 []byte("users: " + canary),
		"server is missing":                file(t, with(cluster, "server", ""), user),
		"https://":                         file(t, with(cluster, "server", "http://prod.example.com"), user),
		"has credentials in it":            file(t, with(cluster, "server", "https://ada:"+canary+"@prod.example.com"), user),
		"is no address":                    file(t, with(cluster, "server", "prod.example.com/"+canary), user),
		"a query or a fragment":            file(t, with(cluster, "server", "https://prod.example.com?token="+canary), user),
		"has no credentials":               file(t, cluster, map[string]any{}),
		"client-key-data go together":      file(t, cluster, map[string]any{"client-certificate-data": certificate}),
		"password go together":             file(t, cluster, map[string]any{"username": canary}),
		"exclude each other":               file(t, cluster, with(user, "username", "a", "password", canary)),
		"client-key-data is no PEM that fits": file(t, cluster, map[string]any{"client-certificate-data": certificate,
			"client-key-data": other}),
		"certificate-authority-data": file(t, with(cluster, "certificate-authority-data",
			base64.StdEncoding.EncodeToString([]byte(canary))), user),
	} {
		_, err := Parse(data)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", says, err)
		} else if strings.Contains(err.Error(), canary) {
			t.Errorf("%q: the error says what stands there: %v", says, err)
		}
	}
}
