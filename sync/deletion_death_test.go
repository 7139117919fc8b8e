package sync

import (
	"net/http"
	"slices"
	"strings"
	gosync "sync"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/manifests/install"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Laws 4 and 17: with the rights of an installation, Daemongate dies right before, or right after, its nth write of a
// deletion with the policy Prune, for every n, and is started again. What the Sync has written is deleted in the reverse
// order, what another Sync has put in its place or always had stays as it is, and the Sync goes.
func TestDyingInADeletionLosesNothing(t *testing.T) {
	t.Parallel()
	everyDeath(t, &mortal{}, diesDeleting)
}

func diesDeleting(t *testing.T, m *mortal) {
	w := newWorld(t)
	w.deployer()
	v1 := w.push("v1", map[string]string{"agent.yaml": small("v1"), "config.yaml": configMap("config", "1"),
		"taken.yaml": configMap("taken", "1")})
	w.create(func(s *api.SyncSpec) {
		s.DeletionPolicy, s.Apply.ServiceAccountName, s.Apply.Drift = api.DeletionPrune, "deployer", api.DriftReport
		s.Report.Provider = api.ProviderNone
	})
	rights := installedRights(t)
	stop := w.runTenant(rights)
	w.waitFor(v1, api.Complete)
	stop()
	w.check(w.kube.CoreV1().ConfigMaps(w.namespace).Delete(t.Context(), "taken", metav1.DeleteOptions{}))
	others := map[string]*corev1.ConfigMap{"taken": nil, "theirs": nil}
	for name := range others {
		meta := metav1.ObjectMeta{Name: name, Labels: map[string]string{manifests.OwnerLabel: w.namespace + ".others"}}
		made, err := w.kube.CoreV1().ConfigMaps(w.namespace).Create(t.Context(), &corev1.ConfigMap{ObjectMeta: meta},
			metav1.CreateOptions{})
		w.check(err)
		others[name] = made
	}
	w.deleteSync()

	stop = w.runTenant(m.mindful(w.inReverse(rights)))
	w.eventually("death or the end", func() bool {
		_, err := w.syncs.Get(t.Context(), w.namespace, "agents")
		return m.isDead() || errors.IsNotFound(err)
	})
	stop()
	w.runTenant(w.inReverse(rights))
	w.isGone()
	if got := w.owner("DaemonSet", "agent") + w.owner("ConfigMap", "config"); got != "gonegone" {
		t.Errorf("what it has written is still there: %q", got)
	}
	for name, was := range others {
		now, err := w.kube.CoreV1().ConfigMaps(w.namespace).Get(t.Context(), name, metav1.GetOptions{})
		if w.check(err); now.ResourceVersion != was.ResourceVersion {
			t.Errorf("another Sync's ConfigMap %s was touched: %+v", name, now.ObjectMeta)
		}
	}
}

// mindful is a way to the API server whose writes the mortal counts.
func (m *mortal) mindful(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return m.mind(next) })
	return config
}

// inReverse sees to it that what the DaemonSet needs is not deleted while the DaemonSet is there.
func (w *world) inReverse(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodDelete && strings.HasSuffix(r.URL.Path, "/configmaps/config") {
				_, err := w.kube.AppsV1().DaemonSets(w.namespace).Get(r.Context(), "agent", metav1.GetOptions{})
				if !errors.IsNotFound(err) && r.Context().Err() == nil {
					w.t.Errorf("what the DaemonSet needs is deleted while that is there: %v", err)
				}
			}
			return next.RoundTrip(r)
		})
	})
	return config
}

// tenantConnections write with the rights of the Sync's ServiceAccount, as the binary does.
type tenantConnections struct{ *plainConnections }

func (k *tenantConnections) Writer(s *api.Sync) (Writer, error) {
	config := rest.CopyConfig(k.config)
	config.Impersonate.UserName = "system:serviceaccount:" + s.Namespace + ":" + s.Spec.Apply.ServiceAccountName
	return manifests.NewClient(config)
}

// runTenant runs a controller with these rights, and its Sync's writes with those of the Sync's ServiceAccount.
func (w *world) runTenant(config *rest.Config) (stop func()) {
	w.t.Helper()
	c := w.newController(w.namespace, config, w.t.TempDir())
	plain, _ := c.Connect.(*plainConnections)
	c.Connect = &tenantConnections{plain}
	return w.start(c)
}

// deployer makes the ServiceAccount of the Sync, with the rights that the README gives it.
func (w *world) deployer() {
	w.t.Helper()
	meta := metav1.ObjectMeta{Name: "deployer"}
	verbs := []string{"get", "list", "watch", "create", "patch", "delete"}
	_, err := w.kube.CoreV1().ServiceAccounts(w.namespace).Create(w.t.Context(), &corev1.ServiceAccount{ObjectMeta: meta},
		metav1.CreateOptions{})
	w.check(err)
	_, err = w.kube.RbacV1().Roles(w.namespace).Create(w.t.Context(), &rbacv1.Role{ObjectMeta: meta,
		Rules: []rbacv1.PolicyRule{{APIGroups: []string{"apps"}, Resources: []string{"daemonsets"}, Verbs: verbs},
			{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: verbs}}}, metav1.CreateOptions{})
	w.check(err)
	_, err = w.kube.RbacV1().RoleBindings(w.namespace).Create(w.t.Context(), &rbacv1.RoleBinding{ObjectMeta: meta,
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "deployer"},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: w.namespace, Name: "deployer"}}},
		metav1.CreateOptions{})
	w.check(err)
}

// withRights installs the rights of an installed controller on the package's cluster, once.
var withRights gosync.Mutex

// installedRights is a way to the API server with the rights of an installed controller, and no others.
func installedRights(t testing.TB) *rest.Config {
	t.Helper()
	withRights.Lock()
	defer withRights.Unlock()
	w := &world{t: t}
	all, err := install.All(install.Options{})
	w.check(err)
	rights := slices.DeleteFunc(all, func(o *unstructured.Unstructured) bool {
		return o.GetKind() != "Namespace" && o.GetKind() != "ServiceAccount" && !strings.Contains(o.GetKind(), "Role")
	})
	w.check(install.Apply(t.Context(), shared.Config, rights))
	of := must(kubernetes.NewForConfig(shared.Config)).CoreV1().ServiceAccounts("daemongate-system")
	token, err := of.CreateToken(t.Context(), "daemongate", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	w.check(err)
	config := rest.AnonymousClientConfig(shared.Config)
	config.BearerToken = token.Status.Token
	config.QPS, config.Burst = shared.Config.QPS, shared.Config.Burst
	return config
}
