package controller

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/daemongate/daemongate/gitsource"
)

// readSecret reads a Secret that a field of a Sync names. One that Kubernetes or a tool has made for a purpose of its
// own is refused, whatever its keys are called: it was not meant to be sent to a Git host.
func readSecret(ctx context.Context, secrets typed.SecretInterface, field, name string) (*corev1.Secret, error) {
	secret, err := secrets.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, absent(field, err)
	}
	if !forPeople(secret.Type) {
		return nil, gitsource.Mistake(fmt.Errorf("%s: Secret %s has the type %s, and is not for this purpose: name "+
			"one of the type Opaque, %s, %s or %s", field, name, secret.Type, corev1.SecretTypeBasicAuth,
			corev1.SecretTypeSSHAuth, corev1.SecretTypeTLS))
	}
	return secret, nil
}

// forPeople reports whether a Secret of a type holds what its owner has put there: types of Kubernetes are for purposes
// of its own, but for a few, such as the tokens of ServiceAccounts and the passwords of registries.
func forPeople(t corev1.SecretType) bool {
	switch t {
	case "", corev1.SecretTypeOpaque, corev1.SecretTypeBasicAuth, corev1.SecretTypeSSHAuth, corev1.SecretTypeTLS:
		return true
	}
	domain, _, _ := strings.Cut(string(t), "/")
	for _, theirs := range []string{"kubernetes.io", "k8s.io", "helm.sh"} {
		if domain == theirs || strings.HasSuffix(domain, "."+theirs) {
			return false
		}
	}
	return true
}

// bindings say what credentials must say of where they may be sent.
type bindings struct {
	hosts bool // they must name their hosts
}

var oneHost = regexp.MustCompile(`^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$`)

// bind adds to the credentials of a Secret where they may be sent.
func (b bindings) bind(secret *corev1.Secret, auth gitsource.Auth) (gitsource.Auth, error) {
	auth.NoPlain = true
	if text, ok := secret.Data["allowHTTP"]; ok {
		switch strings.TrimSpace(string(text)) {
		case "true":
			auth.NoPlain = false
		case "false":
		default:
			return auth, errors.New(`the key allowHTTP is neither "true" nor "false"`)
		}
	}
	text, ok := secret.Data["hosts"]
	if !ok {
		if b.hosts && !auth.Empty() {
			return auth, errors.New("has no key hosts: the controller's administrator wants it to name the hosts " +
				"that the credentials may be sent to, such as git.example.com")
		}
		return auth, nil
	}
	auth.Hosts = strings.Fields(strings.ReplaceAll(string(text), ",", " "))
	for _, host := range auth.Hosts {
		if !oneHost.MatchString(host) {
			return auth, errors.New("the key hosts holds what is no host: expected host or host:port, separated by " +
				"commas, spaces or lines")
		}
	}
	if len(auth.Hosts) == 0 {
		return auth, errors.New("the key hosts is empty: fill it or remove it")
	}
	return auth, nil
}

// credentialsIn reads the credentials in a Secret, and where they may be sent.
func (k *connections) credentialsIn(secret *corev1.Secret) (gitsource.Auth, error) {
	auth, err := k.apps.authOf(secret)
	if err != nil {
		return auth, err
	}
	return k.bindings.bind(secret, auth)
}
