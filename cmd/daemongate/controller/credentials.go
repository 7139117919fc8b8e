package controller

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	gosync "sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/githubapp"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// credentialsOf names the Secret of a Sync's source, and returns what reads it as it is now; nothing without one.
func (k *connections) credentialsOf(s *api.Sync) (identity string, source gitsource.Source) {
	ref := s.Spec.Source.SecretRef
	if ref == nil {
		return "", func(context.Context) (gitsource.Auth, error) { return gitsource.Auth{}, nil }
	}
	namespace, name := s.Namespace, ref.Name
	return "Secret " + namespace + "/" + name, func(ctx context.Context) (gitsource.Auth, error) {
		secret, err := readSecret(ctx, k.secrets.Secrets(namespace), "spec.source.secretRef", name)
		if err != nil {
			return gitsource.Auth{}, err
		}
		auth, err := k.credentialsIn(secret)
		if err != nil {
			return gitsource.Auth{}, gitsource.Mistake(fmt.Errorf("spec.source.secretRef: Secret %s/%s: %w", namespace,
				name, err))
		}
		return auth, nil
	}
}

// absent names the field that an object could not be read for. One that does not exist is a mistake.
func absent(field string, err error) error {
	named := fmt.Errorf("%s: %w", field, err)
	if apierrors.IsNotFound(err) {
		return gitsource.Mistake(named)
	}
	return named
}

// Signers reads the keys whose signatures count for a Sync.
func (k *connections) Signers(ctx context.Context, s *api.Sync) (*gitsource.Signers, error) {
	ref := s.Spec.Source.Verify.SecretRef
	if ref == nil {
		return nil, gitsource.Mistake(errors.New("spec.source.verify.secretRef: name the Secret with the signers"))
	}
	return k.signersIn(ctx, s, "spec.source.verify.secretRef", ref.Name)
}

// Speakers reads the keys of a Secret whose signatures count in the notes of other clusters.
func (k *connections) Speakers(ctx context.Context, s *api.Sync, secret string) (*gitsource.Signers, error) {
	return k.signersIn(ctx, s, "spec.gate.after.verify.secretRef", secret)
}

// signersIn reads the keys of a Secret that a field names.
func (k *connections) signersIn(ctx context.Context, s *api.Sync, field, name string) (*gitsource.Signers, error) {
	secret, err := readSecret(ctx, k.secrets.Secrets(s.Namespace), field, name)
	if err != nil {
		return nil, err
	}
	signers, err := gitsource.ReadSigners(secret.Data)
	if err != nil {
		return nil, gitsource.Mistake(fmt.Errorf("%s: Secret %s/%s: %w", field, s.Namespace, name, err))
	}
	return signers, nil
}

// The keys of a Secret with credentials. The second name of each is that of the Secret types kubernetes.io/ssh-auth and
// kubernetes.io/tls, or the one that other tools use.
var (
	keyUsername   = []string{"username"}
	keyPassword   = []string{"password"}
	keyToken      = []string{"token"}
	keyBearer     = []string{"bearerToken"}
	keyIdentity   = []string{"identity", "ssh-privatekey"}
	keyPassphrase = []string{"identity.password", "ssh-passphrase"}
	keyKnownHosts = []string{"known_hosts", "ssh-known-hosts"}
	keyCA         = []string{"ca.crt", "caFile"}
	keyCert       = []string{"tls.crt", "certFile"}
	keyKey        = []string{"tls.key", "keyFile"}
	keyProxy      = []string{"proxy"}
	keyApp        = []string{"githubAppID"}
	keyAppInstall = []string{"githubAppInstallationID"}
	keyAppKey     = []string{"githubAppPrivateKey"}
	keyAppURL     = []string{"githubAppBaseURL"}
)

// apps are the GitHub Apps in use. An App is one for all who read the same from their Secrets, so that they share its
// tokens.
type apps struct {
	mu    gosync.Mutex
	known []*githubapp.App
}

func (a *apps) of(c githubapp.Config) (*githubapp.App, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, app := range a.known {
		if app.Is(c) {
			return app, nil
		}
	}
	app, err := githubapp.New(c)
	if err != nil {
		return nil, err
	}
	const most = 100 // in use; one that is forgotten costs a token more
	if a.known = append(a.known, app); len(a.known) > most {
		a.known = a.known[1:]
	}
	return app, nil
}

// authOf reads the credentials in a Secret. Errors name keys, never what is in them.
func (a *apps) authOf(secret *corev1.Secret) (gitsource.Auth, error) {
	d := &secretData{data: secret.Data}
	auth := gitsource.Auth{
		Username: d.line(keyUsername), Password: d.line(keyPassword),
		Token: d.line(keyToken), Bearer: d.line(keyBearer),
		SSHKey: d.bytes(keyIdentity), SSHPassphrase: d.line(keyPassphrase), KnownHosts: d.bytes(keyKnownHosts),
		CA: d.bytes(keyCA), ClientCert: d.bytes(keyCert), ClientKey: d.bytes(keyKey), Proxy: d.line(keyProxy),
	}
	app := githubapp.Config{ID: d.line(keyApp), Installation: d.line(keyAppInstall), Key: string(d.bytes(keyAppKey)),
		URL: d.line(keyAppURL)}
	if d.err == nil && app != (githubapp.Config{}) {
		auth.App, d.err = a.complete(app)
	}
	if d.err != nil {
		return gitsource.Auth{}, d.err
	}
	return auth, d.complete(auth)
}

func (a *apps) complete(c githubapp.Config) (*githubapp.App, error) {
	for _, needed := range []struct{ key, value string }{
		{keyApp[0], c.ID}, {keyAppInstall[0], c.Installation}, {keyAppKey[0], c.Key},
	} {
		if needed.value == "" {
			return nil, fmt.Errorf("has keys of a GitHub App, but not %s", needed.key)
		}
	}
	return a.of(c)
}

// secretData is a Secret's data, and the first thing that is wrong with it.
type secretData struct {
	data map[string][]byte
	used int
	err  error
}

// bytes returns what stands under one of the names of a key. Two of them, or an empty one, is a mistake.
func (d *secretData) bytes(names []string) []byte {
	var found []byte
	for _, name := range names {
		value, ok := d.data[name]
		switch {
		case !ok:
		case d.err != nil:
		case found != nil:
			d.err = fmt.Errorf("has both %s: keep one of them", strings.Join(names, " and "))
		case len(value) == 0:
			d.err = fmt.Errorf("the key %s is empty: fill it or remove it", name)
		default:
			found = value
			d.used++
		}
	}
	return found
}

// line returns a value of one line. The newline that editors and echo leave at its end is not part of it.
func (d *secretData) line(names []string) string {
	value := strings.TrimRight(string(d.bytes(names)), "\r\n")
	if d.err == nil && strings.ContainsAny(value, "\r\n") {
		d.err = fmt.Errorf("the key %s has more than one line", names[0])
	}
	return value
}

// complete says what is missing, or one thing too many.
func (d *secretData) complete(auth gitsource.Auth) error {
	var ways []string
	for _, way := range []struct {
		key   string
		given bool
	}{
		{"password", auth.Password != ""}, {"token", auth.Token != ""},
		{"bearerToken", auth.Bearer != ""}, {"githubAppID", auth.App != nil},
	} {
		if way.given {
			ways = append(ways, way.key)
		}
	}
	switch {
	case d.used == 0:
		return fmt.Errorf("has the keys [%s], and none of username with password, token, bearerToken, "+
			"identity with known_hosts, tls.crt with tls.key, ca.crt, proxy, "+
			"githubAppID with githubAppInstallationID and githubAppPrivateKey",
			strings.Join(slices.Sorted(maps.Keys(d.data)), ", "))
	case len(ways) > 1:
		return fmt.Errorf("has %s: keep one of them", strings.Join(ways, " and "))
	case auth.Username != "" && len(ways) == 0 && len(auth.SSHKey) == 0:
		return errors.New("has a username, but neither password nor token")
	case (len(auth.ClientCert) > 0) != (len(auth.ClientKey) > 0):
		return errors.New("a client certificate needs both tls.crt and tls.key")
	case auth.SSHPassphrase != "" && len(auth.SSHKey) == 0:
		return errors.New("has identity.password, but no identity that it opens")
	}
	return nil
}
