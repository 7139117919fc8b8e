// Package kubeconfig reads the kubeconfig of another cluster that somebody else has written: it may name an address and
// credentials, and nothing that is read or run on this machine.
package kubeconfig

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// What of the current context's cluster and user counts. Whatever else is set of them is refused, also what later
// versions of client-go may add.
var (
	ofCluster = []string{"server", "certificate-authority-data", "tls-server-name", "disable-compression", "extensions"}
	ofUser    = []string{"client-certificate-data", "client-key-data", "token", "username", "password", "extensions"}
)

// advice says what to do instead of a field that is refused.
var advice = map[string]string{
	"certificate-authority":    "put the certificate itself into certificate-authority-data",
	"client-certificate":       "put the certificate itself into client-certificate-data",
	"client-key":               "put the key itself into client-key-data",
	"tokenFile":                "put the token itself into token",
	"exec":                     "no program is run: use token, or client-certificate-data and client-key-data",
	"auth-provider":            "no plugin is run: use token, or client-certificate-data and client-key-data",
	"insecure-skip-tls-verify": "a server has to prove who it is: name its CA in certificate-authority-data",
	"proxy-url":                "the controller's own proxy settings count",
	"as":                       "set spec.apply.serviceAccountName to act as a ServiceAccount there",
}

// Parse reads a kubeconfig: where its current context leads to, and with which credentials. An error names the field
// that is to be changed, and no value of any: none of this is for others to see.
func Parse(data []byte) (*rest.Config, error) {
	file, err := clientcmd.Load(data)
	if err != nil {
		return nil, unreadable(err)
	}
	current := file.Contexts[file.CurrentContext]
	switch {
	case file.CurrentContext == "":
		return nil, errors.New("current-context is missing")
	case current == nil:
		return nil, errors.New("current-context names no context of contexts")
	}
	cluster, user := file.Clusters[current.Cluster], file.AuthInfos[current.AuthInfo]
	switch {
	case cluster == nil:
		return nil, errors.New("contexts[].context.cluster of the current context names no cluster of clusters")
	case user == nil:
		return nil, errors.New("contexts[].context.user of the current context names no user of users")
	}
	if err := errors.Join(refuse("clusters[].cluster.", *cluster, ofCluster), refuse("users[].user.", *user, ofUser),
		checkServer(cluster.Server), checkUser(user)); err != nil {
		return nil, err
	}
	config := &rest.Config{Host: strings.TrimRight(cluster.Server, "/"), DisableCompression: cluster.DisableCompression,
		BearerToken: user.Token, Username: user.Username, Password: user.Password,
		TLSClientConfig: rest.TLSClientConfig{ServerName: cluster.TLSServerName,
			CAData: cluster.CertificateAuthorityData, CertData: user.ClientCertificateData,
			KeyData: user.ClientKeyData}}
	if _, err := rest.TLSConfigFor(config); err != nil {
		return nil, errors.New("clusters[].cluster.certificate-authority-data, users[].user.client-certificate-data " +
			"or client-key-data is no PEM that fits: each is the whole file, base64-encoded")
	}
	return config, nil
}

// refuse names the fields that are set of a part of a kubeconfig and do not count.
func refuse(where string, part any, allowed []string) error {
	v := reflect.ValueOf(part)
	var refused []error
	for i := range v.NumField() {
		name := nameOf(v.Type().Field(i))
		if name == "-" || v.Field(i).IsZero() || slices.Contains(allowed, name) {
			continue
		}
		what, known := advice[name]
		if !known {
			what = "it is not used here"
			if strings.HasPrefix(name, "as-") {
				what = advice["as"]
			}
		}
		refused = append(refused, fmt.Errorf("%s%s is refused: %s", where, name, what))
	}
	return errors.Join(refused...)
}

// nameOf is how a file calls a field: client-go's own tags of what it holds in memory say act-as for as.
func nameOf(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return strings.TrimPrefix(name, "act-")
}

// checkServer refuses an address that is no server's by https.
func checkServer(address string) error {
	const where = "clusters[].cluster.server"
	u, err := url.Parse(address)
	switch {
	case address == "":
		return errors.New(where + " is missing")
	case err != nil || u.Host == "" || u.Opaque != "":
		return errors.New(where + " is no address: want https://host:port")
	case u.User != nil:
		return errors.New(where + " has credentials in it, which everybody sees who may read the Sync: use token")
	case u.Scheme != "https":
		return errors.New(where + " does not begin with https://: credentials are not sent in the clear")
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New(where + " has a query or a fragment: want https://host:port")
	}
	return nil
}

// checkUser refuses credentials that are none, or half of some.
func checkUser(u *api.AuthInfo) error {
	certificate, key := len(u.ClientCertificateData) > 0, len(u.ClientKeyData) > 0
	switch {
	case certificate != key:
		return errors.New("users[].user.client-certificate-data and client-key-data go together")
	case (u.Username == "") != (u.Password == ""):
		return errors.New("users[].user.username and password go together")
	case u.Token != "" && u.Username != "":
		return errors.New("users[].user.token and username exclude each other")
	case !certificate && u.Token == "" && u.Username == "":
		return errors.New("users[].user has no credentials: want token, or client-certificate-data and client-key-data")
	}
	return nil
}

var line = regexp.MustCompile(`\bline [0-9]+\b`)

// unreadable says where a kubeconfig cannot be read. The parser's own words may repeat what stands there.
func unreadable(err error) error {
	if at := line.FindString(err.Error()); at != "" {
		return fmt.Errorf("is no kubeconfig: %s cannot be read", at)
	}
	return errors.New("is no kubeconfig: it cannot be read as one (apiVersion: v1, kind: Config)")
}
