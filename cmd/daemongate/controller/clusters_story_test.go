package controller

import (
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	gosync "sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// distant is another cluster, with more nodes than the shared one, for the tests whose Syncs write to it.
var distant = clustertest.Shared{Options: clustertest.Options{Nodes: 3}}

// abroad is a place with a namespace of the same name in another cluster, which is reached through a line that can be
// cut.
type abroad struct {
	*place
	there     kubernetes.Interface
	config    *rest.Config
	line      *cable
	fleet     string
	requested int
}

func newAbroad(t *testing.T) *abroad {
	t.Helper()
	a := &abroad{place: newPlace(t), config: distant.Start(t).Config}
	a.fleet = filepath.Join(a.dir, "fleet")
	var err error
	a.there, err = kubernetes.NewForConfig(a.config)
	check(t, err)
	_, err = a.there.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: a.namespace}}, metav1.CreateOptions{})
	check(t, err)
	a.line = newCable(t, strings.TrimPrefix(a.config.Host, "https://"))
	return a
}

// user makes a ServiceAccount there that may do what docs/operate.md says that it needs, and returns a kubeconfig with a
// token of it.
func (a *abroad) user(name string) string {
	a.t.Helper()
	a.account(name)
	for _, r := range remoteRoles(a.t) {
		if r.Namespace == documented {
			r.Namespace = a.namespace
		}
		a.grants(r, name)
	}
	token, err := a.there.CoreV1().ServiceAccounts(a.namespace).CreateToken(a.t.Context(), name,
		&authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	check(a.t, err)
	return a.kubeconfig(clientcmdapi.AuthInfo{Token: token.Status.Token})
}

// kubeconfig leads through the line.
func (a *abroad) kubeconfig(user clientcmdapi.AuthInfo) string {
	a.t.Helper()
	return kubeconfigOf(a.t, "https://"+a.line.address, a.config.CAData, user)
}

func kubeconfigOf(t testing.TB, server string, ca []byte, user clientcmdapi.AuthInfo) string {
	t.Helper()
	text, err := clientcmd.Write(clientcmdapi.Config{CurrentContext: "there",
		Clusters:  map[string]*clientcmdapi.Cluster{"there": {Server: server, CertificateAuthorityData: ca}},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{"u": &user},
		Contexts:  map[string]*clientcmdapi.Context{"there": {Cluster: "there", AuthInfo: "u"}}})
	check(t, err)
	return string(text)
}

// put writes the Secret with the kubeconfig anew, and asks for the Sync to be looked after at once.
func (a *abroad) put(kubeconfig string) {
	a.t.Helper()
	_, err := a.kube.CoreV1().Secrets(a.namespace).Update(a.t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "prod"}, StringData: map[string]string{"value": kubeconfig}},
		metav1.UpdateOptions{})
	check(a.t, err)
	a.requested++
	a.patch(fmt.Sprintf(`{"metadata": {"annotations": {"daemongate.io/requested-at": "%d"}}}`, a.requested))
}

// push commits an agent of an image that is rolled out one node after the other, beside a ConfigMap.
func (a *abroad) push(image string) string {
	a.t.Helper()
	return gittest.Commit(a.t, a.fleet, "agent.yaml", fmt.Sprintf(`apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: agent, image: "registry.local/agent:%s"}]
`, image))
}

const abroadSpec = `spec:
  source: {url: %s, interval: 1s}
  gate: {order: Latest, onStuck: Release, progressDeadline: 5m}
  rollout: {settle: 0.5s, proof: 0s, after: {ImagePull: 1s}}
  apply: {kubeConfig: {secretRef: {name: prod}}}
  deletionPolicy: Prune
`

// is waits for a commit to come to a state.
func (a *abroad) is(commit string, state api.CommitState, nodes string) {
	a.t.Helper()
	a.waits(fmt.Sprintf("%s to be %s", commit, state), func(s *api.Sync) bool {
		return s.Status.Summary.Commit == api.Short(commit) && s.Status.Summary.State == state &&
			(nodes == "" || s.Status.Summary.Nodes == nodes) && (state != api.Complete || s.Status.InFlight.Pruned)
	})
}

// says waits for a condition.
func (a *abroad) says(condition string, status metav1.ConditionStatus, reason, text string) {
	a.t.Helper()
	a.waits(fmt.Sprintf("%s to be %s for %s: %s", condition, status, reason, text), func(s *api.Sync) bool {
		c := meta.FindStatusCondition(s.Status.Conditions, condition)
		return c != nil && c.Status == status && c.Reason == reason && strings.Contains(c.Message, text)
	})
}

// agent waits until the DaemonSet there is as it should be.
func (a *abroad) agent(what string, is func(*appsv1.DaemonSet) bool) *appsv1.DaemonSet {
	a.t.Helper()
	var found *appsv1.DaemonSet
	clustertest.Until(a.t, time.Minute, what, func() (string, bool) {
		d, err := a.there.AppsV1().DaemonSets(a.namespace).Get(a.t.Context(), "agent", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			d = nil
		} else {
			check(a.t, err)
		}
		found = d
		return fmt.Sprintf("%+v", d), is(d)
	})
	return found
}

// nothingHere says what the Sync's own cluster got.
func (a *abroad) nothingHere() {
	a.t.Helper()
	sets, err := a.kube.AppsV1().DaemonSets(a.namespace).List(a.t.Context(), metav1.ListOptions{})
	check(a.t, err)
	maps, err := a.kube.CoreV1().ConfigMaps(a.namespace).List(a.t.Context(), metav1.ListOptions{LabelSelector: "daemongate.io/sync"})
	check(a.t, err)
	if len(sets.Items)+len(maps.Items) > 0 {
		a.t.Errorf("it was written to the Sync's own cluster: %v %v", sets.Items, maps.Items)
	}
}

// A Sync with a kubeconfig rolls out in the cluster that it leads to, judged by the nodes there: a commit is Complete, a
// bad image is Stuck with its cause and nodes, and its fix goes through; what others change there is put right, what Git
// no longer asks for is pruned there, and with the Sync everything goes there. Its own cluster gets nothing, the label
// tells from which cluster the objects are, and no token is in the Sync or its Events.
func TestASyncRollsOutInAnotherCluster(t *testing.T) {
	a := newAbroad(t)
	config := a.user("deployer")
	a.writes("deployer")
	a.secret("prod", map[string]string{"value": config})
	gittest.Commit(t, a.fleet, "config.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\ndata: {a: b}\n")
	first := a.push("v1")
	a.sync(fmt.Sprintf(abroadSpec, a.fleet))
	a.run(Options{Accounts: Accounts{Required: true}})
	a.is(first, api.Complete, "3/3")
	a.nothingHere()
	home, err := a.kube.CoreV1().Namespaces().Get(t.Context(), metav1.NamespaceSystem, metav1.GetOptions{})
	check(t, err)
	d := a.agent("the agent", func(d *appsv1.DaemonSet) bool { return d != nil })
	if label := d.Labels["daemongate.io/sync"]; label != a.namespace+".agents_"+string(home.UID)[:8] {
		t.Errorf("the label is %s", label)
	}

	bad := a.push("nosuch")
	a.waits("the bad image to be stuck", func(s *api.Sync) bool {
		f := s.Status.InFlight
		return f != nil && f.Commit == bad && f.State == api.Stuck && len(f.Causes) > 0 && f.Causes[0].Code == "ImagePull" &&
			slices.ContainsFunc(f.Causes[0].Nodes, func(node string) bool { return strings.HasPrefix(node, "node-") })
	})
	fix := a.push("v2")
	a.is(fix, api.Complete, "3/3")

	maps := a.there.CoreV1().ConfigMaps(a.namespace)
	_, err = maps.Patch(t.Context(), "config", "application/merge-patch+json", []byte(`{"data": {"a": "c"}}`),
		metav1.PatchOptions{FieldManager: "kubectl-edit"})
	check(t, err)
	clustertest.Until(t, time.Minute, "the ConfigMap to be put right", func() (string, bool) {
		m, err := maps.Get(t.Context(), "config", metav1.GetOptions{})
		check(t, err)
		return m.Data["a"], m.Data["a"] == "b"
	})
	gittest.Run(t, a.fleet, "rm", "-q", "config.yaml")
	gittest.Run(t, a.fleet, "commit", "-q", "-m", "no config")
	clustertest.Until(t, time.Minute, "the ConfigMap to be pruned", func() (string, bool) {
		_, err := maps.Get(t.Context(), "config", metav1.GetOptions{})
		return fmt.Sprint(err), apierrors.IsNotFound(err)
	})
	a.leaksNot(config)
	a.delete()
	a.agent("the agent to be gone", func(d *appsv1.DaemonSet) bool { return d == nil })
}

// A cluster that is away in the middle of a rollout is waited for, and so is one that refuses the credentials until the
// Secret has new ones; what waits says why, and then the rollout goes on. Both users act as the account there that the
// Sync names, and may write nothing themselves. A kubeconfig that would run a program, or read
// a file, is refused by its field. One that leads to another cluster moves nothing: it is neither written to nor pruned,
// there or here, until it leads back.
func TestAnotherClusterMayBeAwayOrAnother(t *testing.T) {
	a := newAbroad(t)
	old := a.user("deployer")
	a.account("writer")
	a.writes("writer")
	a.secret("prod", map[string]string{"value": old})
	first := a.push("v1")
	a.sync(fmt.Sprintf(abroadSpec, a.fleet))
	a.patch(`{"spec": {"apply": {"serviceAccountName": "writer"}}}`)
	a.run(Options{})
	a.is(first, api.Complete, "3/3")

	second := a.push("v2")
	a.waits("the rollout to have begun", func(s *api.Sync) bool {
		return s.Status.InFlight.Commit == second && s.Status.InFlight.State == api.RollingOut
	})
	a.line.cut(true)
	a.says(api.ConditionReady, metav1.ConditionUnknown, "ClusterUnreachable", "cannot be reached")
	a.says(api.ConditionStalled, metav1.ConditionFalse, "ClusterUnreachable", "is asked again")
	third := a.push("v3")
	a.line.cut(false)
	a.is(third, api.Complete, "3/3")

	check(t, a.there.CoreV1().ServiceAccounts(a.namespace).Delete(t.Context(), "deployer", metav1.DeleteOptions{}))
	fourth := a.push("v4")
	a.says(api.ConditionStalled, metav1.ConditionTrue, "ClusterUnauthorized", "401")
	a.event("401 Unauthorized")
	renewed := a.user("successor")
	a.put(renewed)
	a.is(fourth, api.Complete, "3/3")

	exec := &clientcmdapi.ExecConfig{Command: "/bin/false", APIVersion: "client.authentication.k8s.io/v1",
		InteractiveMode: clientcmdapi.NeverExecInteractiveMode}
	a.put(a.kubeconfig(clientcmdapi.AuthInfo{Exec: exec}))
	a.says(api.ConditionStalled, metav1.ConditionTrue, "KubeConfigInvalid", "users[].user.exec is refused")
	a.put(a.kubeconfig(clientcmdapi.AuthInfo{TokenFile: "/var/run/secrets/kubernetes.io/serviceaccount/token"}))
	a.says(api.ConditionStalled, metav1.ConditionTrue, "KubeConfigInvalid", "users[].user.tokenFile is refused")

	own := a.cluster.Config
	a.put(kubeconfigOf(t, own.Host, own.CAData, clientcmdapi.AuthInfo{ClientCertificateData: own.CertData,
		ClientKeyData: own.KeyData}))
	a.says(api.ConditionStalled, metav1.ConditionTrue, "ClusterChanged", "leads to another cluster than before")
	gittest.Run(t, a.fleet, "rm", "-q", "agent.yaml")
	gittest.Commit(t, a.fleet, "other.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\ndata: {a: b}\n")
	head := gittest.Run(t, a.fleet, "rev-parse", "HEAD")
	a.waits("the head to wait", func(s *api.Sync) bool { return s.Status.Head == head && s.Status.Held.Count > 0 })
	a.patch(`{"spec": {"apply": {"kubeConfig": null}}}`)
	a.says(api.ConditionStalled, metav1.ConditionTrue, "ClusterChanged", "spec.apply.kubeConfig is gone")
	a.agent("the agent", func(d *appsv1.DaemonSet) bool { return d != nil })
	a.nothingHere()
	a.patch(`{"spec": {"apply": {"kubeConfig": {"secretRef": {"name": "prod"}}}}}`)
	a.says(api.ConditionStalled, metav1.ConditionTrue, "ClusterChanged", "leads to another cluster than before")
	a.put(renewed)
	a.is(head, api.Complete, "")
	a.agent("the agent to be pruned", func(d *appsv1.DaemonSet) bool { return d == nil })
	a.nothingHere()
	a.leaksNot(old, renewed)
}

// delete deletes the Sync, and waits until it is gone.
func (a *abroad) delete() {
	a.t.Helper()
	client := dynamicOf(a.t, a.cluster.Config)
	check(a.t, client.Resource(api.Resource).Namespace(a.namespace).Delete(a.t.Context(), "agents", metav1.DeleteOptions{}))
	clustertest.Until(a.t, time.Minute, "the Sync to be gone", func() (string, bool) {
		s, err := sync.NewSyncs(client).Get(a.t.Context(), a.namespace, "agents")
		return fmt.Sprintf("%+v", s), apierrors.IsNotFound(err)
	})
}

func dynamicOf(t testing.TB, config *rest.Config) dynamic.Interface {
	t.Helper()
	client, err := dynamic.NewForConfig(config)
	check(t, err)
	return client
}

// leaksNot looks for the tokens of kubeconfigs in the Sync and in the Events beside it.
func (a *abroad) leaksNot(kubeconfigs ...string) {
	a.t.Helper()
	s, err := dynamicOf(a.t, a.cluster.Config).Resource(api.Resource).Namespace(a.namespace).Get(a.t.Context(), "agents",
		metav1.GetOptions{})
	check(a.t, err)
	events, err := a.kube.CoreV1().Events(a.namespace).List(a.t.Context(), metav1.ListOptions{})
	check(a.t, err)
	text := fmt.Sprint(s.Object, events.Items)
	for _, k := range kubeconfigs {
		config, err := clientcmd.Load([]byte(k))
		check(a.t, err)
		if token := config.AuthInfos["u"].Token; token == "" || strings.Contains(text, token) {
			a.t.Error("a token is told")
		}
	}
}

// cable is a line to a server that can be cut.
type cable struct {
	address string

	mu    gosync.Mutex
	isCut bool
	open  map[net.Conn]bool
}

func newCable(t *testing.T, to string) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	c := &cable{address: l.Addr().String(), open: map[net.Conn]bool{}}
	t.Cleanup(func() { l.Close(); c.cut(true) })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go c.carry(in, to)
		}
	}()
	return c
}

func (c *cable) carry(in net.Conn, to string) {
	defer in.Close()
	out, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer out.Close()
	c.mu.Lock()
	if c.isCut {
		c.mu.Unlock()
		return
	}
	c.open[in], c.open[out] = true, true
	c.mu.Unlock()
	go func() { _, _ = io.Copy(out, in); out.Close() }()
	_, _ = io.Copy(in, out)
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, in)
	delete(c.open, out)
}

// cut ends all connections, and has none begin, or has them begin again.
func (c *cable) cut(is bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isCut = is
	for conn := range c.open {
		conn.Close()
	}
}
