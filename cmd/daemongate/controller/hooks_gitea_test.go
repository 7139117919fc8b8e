package controller

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/gitsource/hosttest"
	"github.com/daemongate/daemongate/manifests/clustertest"
)

// A real Git host and a Sync that is polled once an hour: its signed webhook has a push applied at once, and its API
// shows the status beside the commit. A token that may not write statuses holds nothing up, is said of the Sync, and
// when it is exchanged what was not told is told.
func TestAGitHostWakesAndIsTold(t *testing.T) {
	host := hosttest.Start(t)
	url, err := host.CreateRepo("agents")
	check(t, err)
	s := beginHookStory(t)
	publish := func() (commit string) {
		gittest.Run(t, s.repo, "push", "-q", host.WithCredentials(url), "main")
		return gittest.Run(t, s.repo, "rev-parse", "HEAD")
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
	s.sync(`spec:
  source: {url: ` + url + `, interval: 1h, secretRef: {name: host}}
  apply: {targetNamespace: ` + s.namespace + `}
  report: {provider: Gitea, secretRef: {name: host}}
  webhook: {provider: Gitea, secretRef: {name: host}}
`)
	secret := s.secret("host", map[string]string{"secret": "s3cret", "username": host.User, "token": mayWrite,
		"allowHTTP": "true"})
	seen := s.watch()
	s.run(Options{Webhooks: s.address})
	s.await(seen, "0")
	s.told(host, first, "success")
	check(t, host.AddWebhook("agents", "http://"+s.address+"/hooks/"+s.namespace+"/agents", "s3cret"))
	second := push("1")
	s.await(seen, "1")
	s.told(host, second, "success")

	secret.StringData["token"] = mayRead
	_, err = s.kube.CoreV1().Secrets(s.namespace).Update(t.Context(), secret, metav1.UpdateOptions{})
	check(t, err)
	third := push("2")
	s.await(seen, "2")
	said := s.event("write:repository")
	if strings.Contains(said, mayRead) || strings.Contains(said, mayWrite) {
		t.Errorf("the Event shows the token: %s", said)
	}
	secret.StringData["token"] = mayWrite
	_, err = s.kube.CoreV1().Secrets(s.namespace).Update(t.Context(), secret, metav1.UpdateOptions{})
	check(t, err)
	push("3")
	s.await(seen, "3")
	s.told(host, third, "success")
}

// told waits until the host shows a state of a commit.
func (s *hookStory) told(host *hosttest.Host, commit, state string) {
	s.t.Helper()
	clustertest.Until(s.t, 2*time.Minute, commit+" to be told as "+state, func() (string, bool) {
		list, err := host.Statuses("agents", commit)
		check(s.t, err)
		return fmt.Sprint(list), len(list) == 1 && list[0].State == state && strings.HasSuffix(list[0].Context,
			s.namespace+"/agents")
	})
}
