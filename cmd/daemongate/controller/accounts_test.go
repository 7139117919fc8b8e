package controller

import (
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/daemongate/daemongate/cmd/daemongate/controller/clusters"
	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/manifests/rights"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// A Sync that names no ServiceAccount is refused where one is required: it says so by its condition Stalled, in its row
// and in an Event, nothing of its commit is written, and it goes on once it names one. What that account may not write is
// told with the account, in the row, and how it gets the right, in the condition.
func TestASyncWithoutAServiceAccountIsRefused(t *testing.T) {
	p := newPlace(t)
	fleet := filepath.Join(p.dir, "fleet")
	gittest.Commit(t, fleet, "config.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: agent}\ndata: {a: b}\n")
	p.sync("spec: {source: {url: " + fleet + ", interval: 1s}}")
	p.run(Options{Accounts: Accounts{Required: true}})
	p.event("spec.apply.serviceAccountName is missing")
	p.waits("it to be stalled", func(s *api.Sync) bool {
		stalled := meta.FindStatusCondition(s.Status.Conditions, api.ConditionStalled)
		return stalled != nil && stalled.Status == metav1.ConditionTrue && stalled.Reason == "NoServiceAccount" &&
			meta.IsStatusConditionFalse(s.Status.Conditions, api.ConditionReady) && s.Status.InFlight == nil &&
			strings.Contains(s.Status.Summary.Message, "name a ServiceAccount of namespace "+p.namespace)
	})
	if _, err := p.kube.CoreV1().ConfigMaps(p.namespace).Get(t.Context(), "agent", metav1.GetOptions{}); !errors.IsNotFound(err) {
		t.Errorf("it was written: %v", err)
	}

	p.account("deployer")
	p.patch(`{"spec": {"apply": {"serviceAccountName": "deployer"}}}`)
	text := ""
	p.waits("the account's rights to be named", func(s *api.Sync) bool {
		if stalled := meta.FindStatusCondition(s.Status.Conditions, api.ConditionStalled); stalled != nil {
			text = stalled.Message
		}
		needs := "ServiceAccount " + p.namespace + "/deployer needs"
		return strings.Contains(s.Status.Summary.Message, needs) && strings.Contains(text, needs) && strings.Contains(text,
			"create role deployer-configmaps") && !strings.Contains(text, "Daemongate needs")
	})
	p.doAsTold(text)
	p.patch(fmt.Sprintf(`{"metadata": {"annotations": {"daemongate.io/requested-at": %q}}}`, time.Now()))
	p.waits("it to be complete", func(s *api.Sync) bool { return s.Status.Summary.State == api.Complete })
}

// A Sync that names a ServiceAccount which does not exist is Stalled and says so, also where rights are bound to that
// name. Its commit is not at fault: it waits, is not Failed, and goes on by itself when the account is made.
func TestAMissingServiceAccountHoldsTheCommit(t *testing.T) {
	p := newPlace(t)
	fleet := filepath.Join(p.dir, "fleet")
	gittest.Commit(t, fleet, "config.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: agent}\ndata: {a: b}\n")
	p.doAsTold(rights.Missing{As: rights.User(p.namespace, "deployer"), Resource: "configmaps", Namespace: p.namespace}.Advice())
	p.sync("spec: {source: {url: " + fleet + ", interval: 1s}, apply: {serviceAccountName: deployer}}")
	p.run(Options{Accounts: Accounts{Required: true}})
	missing := "ServiceAccount " + p.namespace + "/deployer, which spec.apply.serviceAccountName names, does not exist"
	p.event(missing)
	p.waits("it to be stalled", func(s *api.Sync) bool {
		stalled := meta.FindStatusCondition(s.Status.Conditions, api.ConditionStalled)
		return stalled != nil && stalled.Status == metav1.ConditionTrue && stalled.Reason == "NoServiceAccount" &&
			strings.Contains(stalled.Message, missing) && strings.Contains(s.Status.Summary.Message, missing) &&
			meta.IsStatusConditionFalse(s.Status.Conditions, api.ConditionReady) && s.Status.Held.Count == 1 &&
			s.Status.InFlight == nil && len(s.Status.Failed) == 0
	})
	if _, err := p.kube.CoreV1().ConfigMaps(p.namespace).Get(t.Context(), "agent", metav1.GetOptions{}); !errors.IsNotFound(err) {
		t.Errorf("it was written: %v", err)
	}

	p.account("deployer")
	p.waits("it to be complete", func(s *api.Sync) bool {
		return s.Status.Summary.State == api.Complete && len(s.Status.Failed) == 0 &&
			!meta.IsStatusConditionTrue(s.Status.Conditions, api.ConditionStalled)
	})
}

// account makes a ServiceAccount.
func (p *place) account(name string) {
	p.t.Helper()
	_, err := p.kube.CoreV1().ServiceAccounts(p.namespace).Create(p.t.Context(),
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	check(p.t, err)
}

// Where a default is set, a Sync that names no ServiceAccount uses the one of that name in its own namespace, and one
// that names another uses that.
func TestTheDefaultServiceAccountIsOfTheSyncsNamespace(t *testing.T) {
	for named, want := range map[string]string{"": "system:serviceaccount:team-a:agents",
		"own": "system:serviceaccount:team-a:own"} {
		s := &api.Sync{}
		s.Namespace, s.Spec.Apply.ServiceAccountName = "team-a", named
		if got, err := (Accounts{Default: "agents", Required: true}).user(s); got != want || err != nil {
			t.Errorf("%q: %q, %v", named, got, err)
		}
	}
	s := &api.Sync{}
	if got, err := (Accounts{}).user(s); got != "" || err != nil {
		t.Errorf("in the foreground, with the rights of who runs it: %q, %v", got, err)
	}
}

// doAsTold does what a refusal says: it makes the role and the binding of its commands.
func (p *place) doAsTold(text string) {
	p.t.Helper()
	told := regexp.MustCompile(`kubectl -n (\S+) create role (\S+) --verb=(\S+) --resource=(\S+) && kubectl -n (\S+) ` +
		`create rolebinding (\S+) --role=(\S+) --serviceaccount=([^:]+):([a-z0-9-]+)`).FindStringSubmatch(text)
	if told == nil || told[1] != told[5] || told[2] != told[7] {
		p.t.Fatalf("there are no commands in %q", text)
	}
	resource, group, _ := strings.Cut(told[4], ".")
	_, err := p.kube.RbacV1().Roles(told[1]).Create(p.t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: told[2]},
		Rules: []rbacv1.PolicyRule{{APIGroups: []string{group}, Resources: []string{resource},
			Verbs: strings.Split(told[3], ",")}},
	}, metav1.CreateOptions{})
	check(p.t, err)
	_, err = p.kube.RbacV1().RoleBindings(told[1]).Create(p.t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: told[6]},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: told[7]},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: told[9], Namespace: told[8]}},
	}, metav1.CreateOptions{})
	check(p.t, err)
}

// patch changes the Sync agents.
func (p *place) patch(text string) {
	p.t.Helper()
	check(p.t, p.tryPatch(text))
}

func (p *place) tryPatch(text string) error {
	p.t.Helper()
	client, err := dynamic.NewForConfig(p.cluster.Config)
	check(p.t, err)
	_, err = client.Resource(api.Resource).Namespace(p.namespace).Patch(p.t.Context(), "agents",
		"application/merge-patch+json", []byte(text), metav1.PatchOptions{})
	return err
}

// waits waits for the Sync agents.
func (p *place) waits(what string, until func(*api.Sync) bool) {
	p.t.Helper()
	client, err := dynamic.NewForConfig(p.cluster.Config)
	check(p.t, err)
	syncs := sync.NewSyncs(client)
	clustertest.Until(p.t, 2*time.Minute, what, func() (string, bool) {
		s, err := syncs.Get(p.t.Context(), p.namespace, "agents")
		check(p.t, err)
		return fmt.Sprintf("%+v %+v", s.Status.Summary, s.Status.Conditions), until(s)
	})
}

// A name that is none is refused when the Sync is created: with a colon in it, it would be another namespace's account.
func TestAnAccountsNameIsAName(t *testing.T) {
	p := newPlace(t)
	p.sync("spec: {source: {url: /srv/fleet}}")
	for _, name := range []string{"kube-system:admin", "Deployer", "a/b", "-a", strings.Repeat("a", 254)} {
		if err := p.tryPatch(fmt.Sprintf(`{"spec": {"apply": {"serviceAccountName": %q}}}`, name)); !errors.IsInvalid(err) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"deployer", "a.b-c", ""} {
		check(t, p.tryPatch(fmt.Sprintf(`{"spec": {"apply": {"serviceAccountName": %q}}}`, name)))
	}
}

// An account that is there is asked about once in a while, however many Syncs write as it, and one that is not each
// time.
func TestAnAccountIsAskedAboutOnceInAWhile(t *testing.T) {
	p := newPlace(t)
	var requests atomic.Int64
	config := rest.CopyConfig(p.cluster.Config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(r *http.Request) (*http.Response, error) {
			requests.Add(1)
			return next.RoundTrip(r)
		})
	})
	core, err := corev1client.NewForConfig(config)
	check(t, err)
	now := clocktesting.NewFakeClock(time.Now())
	users, err := clusters.NewUsers(config, core, now)
	check(t, err)
	k := &connections{users: users}
	s := &api.Sync{}
	s.Namespace, s.Spec.Apply.ServiceAccountName = p.namespace, "deployer"
	asks := func(what string, there bool, want int64) {
		t.Helper()
		if err := k.Account(t.Context(), s); (err == nil) != there || requests.Load() != want {
			t.Errorf("%s: %v, %d requests", what, err, requests.Load())
		}
	}
	asks("it is not there", false, 1)
	asks("still not", false, 2)
	p.account("deployer")
	asks("now it is", true, 3)
	asks("a moment later", true, 3)
	check(t, p.kube.CoreV1().ServiceAccounts(p.namespace).Delete(t.Context(), "deployer", metav1.DeleteOptions{}))
	now.Step(clusters.AccountFor + time.Second)
	asks("it was deleted", false, 4)
}
