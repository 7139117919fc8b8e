package controller

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// A Secret that Kubernetes or a tool has made for a purpose of its own is nobody's credentials, whatever its keys are
// called: not for the source, not for reports or notes, and neither are there signers or the secret of a webhook in it.
func TestSecretsOfOthersAreNoCredentials(t *testing.T) {
	for kind, taken := range map[corev1.SecretType]bool{
		"": true, corev1.SecretTypeOpaque: true, corev1.SecretTypeBasicAuth: true, corev1.SecretTypeSSHAuth: true,
		corev1.SecretTypeTLS: true, "example.com/git": true,
		corev1.SecretTypeServiceAccountToken: false, corev1.SecretTypeDockercfg: false,
		corev1.SecretTypeDockerConfigJson: false, corev1.SecretTypeBootstrapToken: false,
		"kubernetes.io/what-is-to-come": false, "helm.sh/release.v1": false,
	} {
		k := connectionsWith(t, map[string]string{"token": "s3cr3t", "secret": "s3cr3t"})
		secret, _ := k.secrets.(*oneSecret)
		secret.kind = kind
		s := syncOf("https://git.test/acme/fleet")
		ref := api.LocalObjectReference{Name: "git"}
		s.Spec.Source.Verify = api.Verify{SecretRef: &ref}
		s.Spec.Report = api.Report{Provider: api.ProviderGitea, SecretRef: &ref}
		s.Spec.Webhook = &api.Webhook{SecretRef: ref}
		_, source := k.credentialsOf(s)
		_, asSource := source(t.Context())
		_, asReport := k.Reporter(t.Context(), s)
		_, asHook := (&hookSecrets{api: k.secrets, log: quiet()}).of(t.Context(), s)
		secret.data = map[string][]byte{"signers": []byte("ada@example.com ssh-ed25519 " +
			"AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl")}
		_, asSigners := k.Signers(t.Context(), s)
		for what, err := range map[string]error{"source": asSource, "signers": asSigners, "report": asReport,
			"webhook": asHook} {
			if taken != (err == nil) || err != nil && (!strings.Contains(err.Error(), string(kind)) ||
				strings.Contains(err.Error(), "s3cr3t")) {
				t.Errorf("a Secret of type %q as %s: %v", kind, what, err)
			}
		}
	}
}

// What a Secret says of where its credentials may be sent is kept, for the source and for reports; a controller can want
// that it says so; and what it says must make sense.
func TestASecretSaysWhereItMayBeSent(t *testing.T) {
	for _, c := range []struct {
		hosts, allow, url string
		wanted            bool // by the controller
		words             string
	}{
		{"git.test, api.git.test\nother.test:8443", "", "https://git.test", false, ""},
		{"git.test other.test:8443", "", "https://other.test:8443", true, ""},
		{"git.test", "", "https://evil.test", false, "are for git.test, and not for evil.test"},
		{"git.test", "", "http://git.test", false, "allowHTTP"},
		{"git.test", "false", "http://git.test", false, "allowHTTP"},
		{"git.test", "true\n", "http://git.test", false, ""},
		{"git.test", "yes", "https://git.test", false, "neither"},
		{"none", "", "https://git.test", false, ""},
		{"none", "", "http://git.test", false, "allowHTTP"},
		{"none", "", "https://git.test", true, "has no key hosts"},
		{"", "", "https://git.test", false, "hosts is empty"},
		{"https://git.test", "", "https://git.test", false, "what is no host"},
		{"*.git.test", "", "https://a.git.test", false, "what is no host"},
		{"git.test/acme", "", "https://git.test", false, "what is no host"},
	} {
		data := map[string]string{"token": "s3cr3t", "hosts": c.hosts, "allowHTTP": c.allow}
		if c.hosts == "none" {
			delete(data, "hosts")
		}
		if c.allow == "" {
			delete(data, "allowHTTP")
		}
		k := connectionsWith(t, data)
		k.bindings.hosts = c.wanted
		s := syncOf(c.url + "/acme/fleet")
		s.Spec.Report = api.Report{Provider: api.ProviderGitea, SecretRef: s.Spec.Source.SecretRef}
		_, source := k.credentialsOf(s)
		auth, asSource := source(t.Context())
		if asSource == nil {
			asSource = auth.BelongTo(s.Spec.Source.URL) // as it is asked before every connection
		}
		_, asReport := k.Reporter(t.Context(), s)
		for what, err := range map[string]error{"source": asSource, "report": asReport} {
			if (err == nil) != (c.words == "") || err != nil && (!strings.Contains(err.Error(), c.words) ||
				strings.Contains(err.Error(), "s3cr3t")) {
				t.Errorf("%+v: the %s: %v", c, what, err)
			}
		}
	}
}
