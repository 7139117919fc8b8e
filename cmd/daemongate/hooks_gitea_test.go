package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1api "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/gitsource/hosttest"
)

// A real Git host and a Sync that is polled once an hour: its signed webhook has a push applied at once, and its API shows
// the status beside the commit. A token that may not write statuses holds nothing up, is said of the Sync, and when it is
// exchanged what was not told is told.
func TestAGitHostWakesAndIsTold(t *testing.T) {
	host := hosttest.Start(t)
	url, err := host.CreateRepo("agents")
	check(t, err)
	s, cluster, dir := beginHookStory(t)
	publish := func() (commit string) {
		gitIn(t, s.repo, "push", "-q", host.WithCredentials(url), "main")
		return strings.TrimSpace(gitIn(t, s.repo, "rev-parse", "HEAD"))
	}
	push := func(value string) (commit string) {
		s.push(value)
		return publish()
	}
	mayWrite, err := host.NewToken("write:repository")
	check(t, err)
	mayRead, err := host.NewToken("read:repository")
	check(t, err)
	first := publish()
	write(t, filepath.Join(dir, "sync.yaml"), `apiVersion: daemongate.io/v1alpha1
kind: Sync
metadata: {name: agents, namespace: platform}
spec:
  source: {url: `+url+`, interval: 1h, secretRef: {name: host}}
  apply: {targetNamespace: platform}
  report: {provider: Gitea, secretRef: {name: host}}
  webhook: {provider: Gitea, secretRef: {name: host}}
`)
	_, err = installSync(t.Context(), cluster.Config, filepath.Join(dir, "sync.yaml"), "")
	check(t, err)
	secret := &corev1api.Secret{ObjectMeta: metav1.ObjectMeta{Name: "host"}, StringData: map[string]string{"secret": "s3cret", "username": host.User, "token": mayWrite}}
	_, err = s.kube.CoreV1().Secrets("platform").Create(t.Context(), secret, metav1.CreateOptions{})
	check(t, err)
	seen := s.watch()
	controllerTo(t, io.Discard, "-n", "platform", "--data-dir", filepath.Join(dir, "data"), "--webhook-address", s.address, "--kubeconfig", cluster.Kubeconfig)
	s.await(seen, "0")
	told(t, host, first, "success")
	check(t, host.AddWebhook("agents", "http://"+s.address+"/hooks/platform/agents", "s3cret"))
	second := push("1")
	s.await(seen, "1")
	told(t, host, second, "success")

	secret.StringData["token"] = mayRead
	_, err = s.kube.CoreV1().Secrets("platform").Update(t.Context(), secret, metav1.UpdateOptions{})
	check(t, err)
	third := push("2")
	s.await(seen, "2")
	said := s.event("write:repository")
	if strings.Contains(said, mayRead) || strings.Contains(said, mayWrite) {
		t.Errorf("the Event shows the token: %s", said)
	}
	secret.StringData["token"] = mayWrite
	_, err = s.kube.CoreV1().Secrets("platform").Update(t.Context(), secret, metav1.UpdateOptions{})
	check(t, err)
	push("3")
	s.await(seen, "3")
	told(t, host, third, "success")
}

// told waits until the host shows a state of a commit.
func told(t *testing.T, host *hosttest.Host, commit, state string) {
	t.Helper()
	until(t, 2*time.Minute, commit+" to be told as "+state, func() (string, bool) {
		list, err := host.Statuses("agents", commit)
		check(t, err)
		return fmt.Sprint(list), len(list) == 1 && list[0].State == state && strings.HasSuffix(list[0].Context, "platform/agents")
	})
}

// event waits for an Event of the Sync that says something, and returns what it says.
func (s *hookStory) event(text string) (said string) {
	s.t.Helper()
	until(s.t, time.Minute, fmt.Sprintf("an Event that says %q", text), func() (string, bool) {
		list, err := s.kube.CoreV1().Events("platform").List(s.t.Context(), metav1.ListOptions{})
		check(s.t, err)
		var all []string
		for _, e := range list.Items {
			if all = append(all, e.Message); strings.Contains(e.Message, text) {
				said = e.Message
			}
		}
		return fmt.Sprintf("%q", all), said != ""
	})
	return said
}
