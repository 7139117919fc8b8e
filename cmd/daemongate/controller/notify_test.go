package controller

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/notify"
	"github.com/daemongate/daemongate/sync/notify/webhook"
)

// notifying is a Sync that notifies somebody.
func notifying() *api.Sync {
	s := syncOf("https://git.test/acme/fleet")
	s.Spec.Report.Notify = &api.Notify{SecretRef: api.LocalObjectReference{Name: "chat"}}
	return s
}

// What is wrong with the Secret of a receiver is said by key, and nothing in it is repeated.
func TestTheSecretOfAReceiverIsLookedAt(t *testing.T) {
	for says, data := range map[string]map[string]string{
		"has no key url":                          {"token": "s3cret"},
		"the key url is empty":                    {"url": ""},
		"more than one line":                      {"url": "https://a/s3cret\nhttps://b/s3cret"},
		"the key url must be https://host/path":   {"url": "s3cret"},
		"the key url must name no user":           {"url": "https://s3cret@hooks.test/"},
		"the key url is http":                     {"url": "http://hooks.test/s3cret"},
		"allowHTTP is neither":                    {"url": "http://hooks.test/s3cret", "allowHTTP": "s3cret"},
		"the credentials are for other.test":      {"url": "https://hooks.test/s3cret", "token": "s3cret", "hosts": "other.test"},
		"ca.crt":                                  {"url": "https://hooks.test/s3cret", "ca.crt": "s3cret"},
		"proxy":                                   {"url": "https://hooks.test/s3cret", "proxy": "s3cret"},
		"is not for this purpose":                 {"url": "https://hooks.test/s3cret"},
		"spec.report.notify.secretRef: not found": nil,
	} {
		k := connectionsWith(t, data)
		secret := &oneSecret{data: secretOf(data).Data}
		switch {
		case data == nil:
			secret.data = nil
		case strings.HasPrefix(says, "is not"):
			secret.kind = corev1.SecretTypeDockerConfigJson
		}
		k.secrets = secret
		_, err := k.Receiver(t.Context(), notifying())
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "spec.report.notify.secretRef") ||
			strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", says, err)
		}
	}
}

// Each message is sent to where the Secret says at that moment, with its token and by its authority.
func TestTheSecretOfAReceiverIsExchanged(t *testing.T) {
	ca := newAuthority(t)
	told := map[string]string{}
	serve := func(name string) *httptest.Server {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			told[name] += r.Header.Get("Authorization") + r.Header.Get(webhook.SignatureHeader)[:7] + " "
		}))
		t.Cleanup(s.Close)
		return s
	}
	plain, safe := serve("plain"), serve("tls")
	plain.Start()
	safe.TLS = &tls.Config{Certificates: []tls.Certificate{*ca.server}}
	safe.StartTLS()
	secret := &oneSecret{data: map[string][]byte{"url": []byte(plain.URL + "\n"), "token": []byte("one"), "allowHTTP": []byte("true"),
		"hmacKey": []byte("k")}}
	k := connectionsWith(t, nil)
	k.secrets = secret
	r, err := k.Receiver(t.Context(), notifying())
	check(t, err)
	take := func() error { return r.Take(t.Context(), notify.Event{}).Trouble }
	check(t, take())
	secret.data["token"] = []byte("two\n")
	check(t, take())
	secret.data["url"] = []byte(safe.URL)
	if err := take(); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown authority: %v", err)
	}
	secret.data["ca.crt"] = ca.pem
	check(t, take())
	if got := fmt.Sprint(told); got != "map[plain:Bearer onesha256= Bearer twosha256=  tls:Bearer twosha256= ]" {
		t.Errorf("told %s", got)
	}
}

// Nothing is told without the Lease, and everything that is tried is counted.
func TestNotificationsNeedTheLeaseAndAreCounted(t *testing.T) {
	m := newMetrics()
	answers := []notify.Answer{{}, {Refused: fmt.Errorf("400")}, {Trouble: fmt.Errorf("500")}, {}}
	var lease error
	k := &countedConnections{&leasedConnections{&answering{answers: answers}, func() error { return lease }}, m}
	r, err := k.Receiver(t.Context(), notifying())
	check(t, err)
	for range answers {
		r.Take(t.Context(), notify.Event{})
	}
	lease = fmt.Errorf("not held")
	if a := r.Take(t.Context(), notify.Event{}); a.Trouble == nil || !strings.Contains(a.Trouble.Error(), "nothing is told: not held") {
		t.Errorf("without the Lease: %v", a)
	}
	families, err := m.registry.Gather()
	check(t, err)
	got := map[string]float64{}
	for _, f := range families {
		if f.GetName() == "daemongate_notifications_total" {
			for _, one := range f.GetMetric() {
				got[one.GetLabel()[0].GetValue()] = one.GetCounter().GetValue()
			}
		}
	}
	if fmt.Sprint(got) != "map[refused:1 told:2 trouble:2]" {
		t.Errorf("counted %v", got)
	}
}

// answering opens a receiver that answers what it is told to, one after the other.
type answering struct {
	sync.Connections
	answers []notify.Answer
}

func (a *answering) Receiver(context.Context, *api.Sync) (notify.Receiver, error) { return a, nil }

func (a *answering) Take(context.Context, notify.Event) notify.Answer {
	next := a.answers[0]
	a.answers = a.answers[1:]
	return next
}
