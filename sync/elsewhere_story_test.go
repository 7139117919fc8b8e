package sync

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	gosync "sync"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// gateway is where another cluster is, as a kubeconfig says it. Behind it is the Sync's own cluster once more, so that a
// story needs no second one: the controller goes by the kubeconfig alone, and what comes through here is what it asks of
// the other cluster, with the rights that it has there.
type gateway struct {
	*httptest.Server
	*world
	cluster http.Handler

	mu    gosync.Mutex
	away  bool
	token string // of the newest request
	// running is the process that is killed when a write has been carried out for which dies holds; dead is closed then.
	running *process
	dies    func(*http.Request) bool
	dead    chan struct{}
	// evicted are the pods that were evicted, in their order, and users in whose name anything was written.
	evicted []string
	users   map[string]bool
}

func newGateway(w *world) *gateway {
	w.t.Helper()
	to, err := url.Parse(w.cluster.Config.Host)
	w.check(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.cluster.Config.CAData)
	g := &gateway{world: w, users: map[string]bool{}, cluster: &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}, // without the test's own credentials
		ErrorHandler:  func(rw http.ResponseWriter, _ *http.Request, _ error) { rw.WriteHeader(http.StatusBadGateway) },
		FlushInterval: -1}}
	g.Server = httptest.NewTLSServer(g)
	w.t.Cleanup(func() { g.CloseClientConnections(); g.Close() })
	return g
}

func (g *gateway) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	away := g.away
	g.token = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	g.mu.Unlock()
	if away {
		panic(http.ErrAbortHandler) // the connection breaks
	}
	if r.Method == http.MethodGet || r.URL.Query().Has("dryRun") {
		g.cluster.ServeHTTP(rw, r)
		return
	}
	answer := httptest.NewRecorder()
	g.cluster.ServeHTTP(answer, r.WithContext(context.WithoutCancel(r.Context()))) // also when whoever asks dies meanwhile
	if p := g.wrote(r, answer.Code); p != nil {
		p.kill()
		close(g.dead)
		panic(http.ErrAbortHandler)
	}
	maps.Copy(rw.Header(), answer.Header())
	rw.WriteHeader(answer.Code)
	_, _ = rw.Write(answer.Body.Bytes())
}

// wrote notes a write, and returns the process that dies of it.
func (g *gateway) wrote(r *http.Request, code int) *process {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.users[r.Header.Get("Impersonate-User")] = true
	if pod, is := strings.CutSuffix(r.URL.Path, "/eviction"); is && code == http.StatusCreated {
		g.evicted = append(g.evicted, pod[strings.LastIndex(pod, "/")+1:])
	}
	if g.dies == nil || !g.dies(r) {
		return nil
	}
	g.dies = nil
	return g.running
}

// starts starts the controller; with a function it is killed as by kill -9 when a write was carried out for which that
// holds, so that it has no answer.
func (g *gateway) starts(dies func(*http.Request) bool) {
	g.t.Helper()
	p := g.process()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running, g.dies, g.dead = p, dies, make(chan struct{})
}

// died waits until it was killed.
func (g *gateway) died() {
	g.t.Helper()
	g.eventually("the process to be killed", func() bool {
		select {
		case <-g.dead:
			return true
		default:
			return false
		}
	})
}

// cut has no request come through, or has them come through again.
func (g *gateway) cut(is bool) {
	g.mu.Lock()
	g.away = is
	g.mu.Unlock()
	g.CloseClientConnections()
}

func (g *gateway) seen() (evicted []string, users map[string]bool, token string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.evicted), maps.Clone(g.users), g.token
}

// user makes a ServiceAccount that has the rights which docs/operate.md names, and may write as the Sync's. It returns a
// token, and a kubeconfig with that.
func (g *gateway) user(name string) (token, kubeconfig string) {
	g.t.Helper()
	ctx, m := g.t.Context(), metav1.ObjectMeta{Name: name}
	_, err := g.kube.CoreV1().ServiceAccounts(g.namespace).Create(ctx, &corev1.ServiceAccount{ObjectMeta: m},
		metav1.CreateOptions{})
	g.check(err)
	is := []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: g.namespace, Name: name}}
	for _, role := range documentedRoles(g.t) {
		g.binds(role, is)
	}
	made, err := g.kube.CoreV1().ServiceAccounts(g.namespace).CreateToken(ctx, name, &authenticationv1.TokenRequest{},
		metav1.CreateOptions{})
	g.check(err)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: g.Certificate().Raw})
	text, err := clientcmd.Write(clientcmdapi.Config{CurrentContext: "there",
		Clusters:  map[string]*clientcmdapi.Cluster{"there": {Server: g.URL, CertificateAuthorityData: ca}},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{"u": {Token: made.Status.Token}},
		Contexts:  map[string]*clientcmdapi.Context{"there": {Cluster: "there", AuthInfo: "u"}}})
	g.check(err)
	return made.Status.Token, string(text)
}

// binds makes a role of the docs, if another test has not, and binds it. One in no namespace is a ClusterRole.
func (g *gateway) binds(role rbacv1.Role, to []rbacv1.Subject) {
	g.t.Helper()
	ctx := g.t.Context()
	bound := metav1.ObjectMeta{Name: g.namespace + "-" + to[0].Name}
	if role.Namespace != "" {
		role.Name += "-" + bound.Name
		if role.Namespace == "fleet" { // of the Sync in the docs
			role.Namespace = g.namespace
		}
		g.grantIn(role.Namespace, metav1.ObjectMeta{Name: role.Name}, to, role.Rules...)
		return
	}
	_, err := g.kube.RbacV1().ClusterRoles().Create(ctx, &rbacv1.ClusterRole{ObjectMeta: role.ObjectMeta,
		Rules: role.Rules}, metav1.CreateOptions{})
	if !errors.IsAlreadyExists(err) {
		g.check(err)
	}
	_, err = g.kube.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{ObjectMeta: bound, Subjects: to,
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name}}, metav1.CreateOptions{})
	g.check(err)
}

func (w *world) grant(m metav1.ObjectMeta, to []rbacv1.Subject, rules ...rbacv1.PolicyRule) {
	w.t.Helper()
	w.grantIn(w.namespace, m, to, rules...)
}

func (w *world) grantIn(namespace string, m metav1.ObjectMeta, to []rbacv1.Subject, rules ...rbacv1.PolicyRule) {
	w.t.Helper()
	_, err := w.kube.RbacV1().Roles(namespace).Create(w.t.Context(), &rbacv1.Role{ObjectMeta: m, Rules: rules},
		metav1.CreateOptions{})
	w.check(err)
	_, err = w.kube.RbacV1().RoleBindings(namespace).Create(w.t.Context(), &rbacv1.RoleBinding{ObjectMeta: m,
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: m.Name}, Subjects: to},
		metav1.CreateOptions{})
	w.check(err)
}

// knows reports whether the cluster takes a token.
func (g *gateway) knows(token string) bool {
	g.t.Helper()
	review := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}
	review, err := g.kube.AuthenticationV1().TokenReviews().Create(g.t.Context(), review, metav1.CreateOptions{})
	g.check(err)
	return review.Status.Authenticated
}

// documentedRoles are the roles of docs/operate.md for the user of a kubeconfig.
func documentedRoles(t testing.TB) (roles []rbacv1.Role) {
	t.Helper()
	page, err := os.ReadFile("../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range strings.Split(string(page), "```yaml\n") {
		block, _, _ = strings.Cut(block, "```")
		for one := range strings.SplitSeq(block, "\n---\n") {
			role := rbacv1.Role{}
			if err := yaml.UnmarshalStrict([]byte(one), &role); err == nil && strings.HasPrefix(role.Name, "daemongate-remote") {
				roles = append(roles, role)
			}
		}
	}
	if len(roles) != 3 {
		t.Fatalf("docs/operate.md has the roles %+v", roles)
	}
	return roles
}

// A paced rollout in another cluster goes stage by stage with the rights that docs/operate.md names, and every write and
// eviction is made in the name of the Sync's ServiceAccount there. The controller is killed in the middle of the write,
// and again when a pod has been evicted and it has no answer; between two stages the kubeconfig's credentials are
// replaced, and the old ones refused: no pod goes twice, none is left, and never more nodes are down than may be.
//
// The Sync is then deleted while that cluster is away. It waits, and says for what and how to leave it, also after the
// controller was killed; and when the cluster is there again, what the Sync has written is deleted, and so is the Sync.
func TestAPacedRolloutElsewhereOutlivesItsController(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := newGateway(w)
	w.deployer()
	deployer := []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: w.namespace, Name: "deployer"}}
	w.grant(metav1.ObjectMeta{Name: "evicts"}, deployer,
		rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}},
		rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"pods/eviction"}, Verbs: []string{"create"}})
	old, kubeconfig := g.user("first")
	secrets := w.kube.CoreV1().Secrets(w.namespace)
	secret, err := secrets.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "prod"},
		StringData: map[string]string{"value": kubeconfig}}, metav1.CreateOptions{})
	w.check(err)
	v1 := w.push("v1", map[string]string{"agent.yaml": pacedAgent("v1", ""), "keep.yaml": configMap("keep", "1"),
		"drop.yaml": configMap("drop", "1")})
	w.create(func(s *api.SyncSpec) {
		inStages(s)
		s.Apply.ServiceAccountName, s.DeletionPolicy = "deployer", api.DeletionPrune
		s.Apply.KubeConfig = &api.KubeConfig{SecretRef: api.KubeConfigRef{Name: "prod"}}
		s.Report.Provider = api.ProviderNone
	})
	g.starts(nil)
	w.waitFor(v1, api.Complete)
	g.running.kill()

	pods, err := w.kube.CoreV1().Pods(w.namespace).List(t.Context(), metav1.ListOptions{})
	w.check(err)
	on := map[string]string{}
	for _, p := range pods.Items {
		on[p.Name] = p.Spec.NodeName
	}
	cover := w.watchCoverage()
	v2 := w.push("v2", map[string]string{"agent.yaml": pacedAgent("v2", ""), "keep.yaml": configMap("keep", "2"),
		"drop.yaml": ""})
	g.starts(func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/configmaps/keep") })
	g.died()
	if d := w.daemonSet(); d.Generation != 1 || w.value("keep") != "2" {
		t.Fatalf("it did not die in the middle of the write: generation %d, keep %s", d.Generation, w.value("keep"))
	}
	g.starts(func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/eviction") })
	g.died()
	g.starts(nil)
	w.stage(v2, 1, api.StageApproval)
	token, kubeconfig := g.user("second")
	secret.StringData = map[string]string{"value": kubeconfig}
	_, err = secrets.Update(t.Context(), secret, metav1.UpdateOptions{})
	w.check(err)
	w.check(w.kube.CoreV1().ServiceAccounts(w.namespace).Delete(t.Context(), "first", metav1.DeleteOptions{}))
	w.eventually("the old credentials to be refused", func() bool { return !g.knows(old) })
	w.check(w.syncs.Promote(t.Context(), w.namespace, "agents", v2, 1, time.Now()))
	w.waitFor(v2, api.Complete)
	w.wait("the prune", func(s api.SyncStatus) bool { return s.InFlight.Pruned })

	evicted, users, now := g.seen()
	if first := []string{on[evicted[0]], on[evicted[1]]}; !slices.Contains(canaries, first[0]) ||
		!slices.Contains(canaries, first[1]) {
		t.Errorf("the first pods to go are on %v", first)
	}
	slices.Sort(evicted)
	if all := slices.Sorted(maps.Keys(on)); !slices.Equal(evicted, all) {
		t.Errorf("these pods went:\n%v\nand each of these was to go once:\n%v", evicted, all)
	}
	if as := "system:serviceaccount:" + w.namespace + ":deployer"; len(users) != 1 || !users[as] {
		t.Errorf("it was written in the names of %v, and was to be as %s", users, as)
	}
	if now != token {
		t.Error("it goes on with the old credentials")
	}
	if d := w.daemonSet(); d.Generation != 2 {
		t.Errorf("the DaemonSet was written more often than once: generation %d", d.Generation)
	}
	if bare, _ := cover.now(); bare > 2 {
		t.Errorf("%d nodes were without a Ready pod at once", bare)
	}
	if drop := w.owner("ConfigMap", "drop"); drop != "gone" {
		t.Errorf("what v2 no longer asks for is there, of %q", drop)
	}
	g.deletedWhileAway()
}

func (g *gateway) deletedWhileAway() {
	g.t.Helper()
	g.cut(true)
	g.deleteSync()
	waits := func() {
		g.t.Helper()
		since := time.Now()
		g.wait("the deletion to say what it waits for", func(s api.SyncStatus) bool {
			c := meta.FindStatusCondition(s.Conditions, api.ConditionReady)
			return c.Reason == "DeletionWaits" && strings.Contains(c.Message, "cannot be reached") &&
				strings.Contains(c.Message, "spec.deletionPolicy to Orphan") && strings.Contains(s.Summary.Message, c.Message) &&
				s.Deletion != nil && s.Deletion.RefusedSince == nil && time.Since(since) > 2*time.Second
		})
	}
	waits()
	g.eventually("an Event about it", func() bool {
		events, err := g.kube.CoreV1().Events(g.namespace).List(g.t.Context(), metav1.ListOptions{})
		g.check(err)
		return slices.ContainsFunc(events.Items, func(e corev1.Event) bool {
			return e.InvolvedObject.Kind == "Sync" && e.Type == corev1.EventTypeWarning && e.Reason == string(NewsDeleting) &&
				strings.Contains(e.Message, "cannot be reached")
		})
	})
	g.running.kill()
	g.starts(nil)
	waits()
	if left := g.owner("DaemonSet", "agent") + g.owner("ConfigMap", "keep"); strings.Contains(left, "gone") {
		g.t.Errorf("while the cluster is away: %s", left)
	}
	g.cut(false)
	g.isGone()
	if left := fmt.Sprint(g.owner("DaemonSet", "agent"), g.owner("ConfigMap", "keep")); left != "gonegone" {
		g.t.Errorf("when it is there again: %s", left)
	}
}
