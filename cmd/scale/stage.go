package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	authentication "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/manifests/install"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// stage is a cluster with Daemongate's definitions and rights, and a controller that runs beside it.
type stage struct {
	*rehearsal
	cluster *clustertest.Cluster
	kube    *kubernetes.Clientset
	dynamic *dynamic.DynamicClient
	dir     string

	resting    float64 // requests a second without a controller
	watched    float64 // watches without a controller
	controller *process
	hooks      string // the address at which the controller takes webhooks
	profiling  string // the one at which it serves profiles, if they are kept
	close      []func()
}

// newStage starts a cluster, without a controller.
func (r *rehearsal) newStage(ctx context.Context, o clustertest.Options) (s *stage, err error) {
	s = &stage{rehearsal: r}
	defer func(begun *stage) {
		if err != nil {
			begun.end()
		}
	}(s)
	if s.dir, err = os.MkdirTemp("", "daemongate-scale-"); err != nil {
		return nil, err
	}
	s.close = append(s.close, func() { _ = os.RemoveAll(s.dir) })
	cluster, down, err := clustertest.StartMainWith(o)
	s.close = append(s.close, down)
	if err != nil {
		return nil, err
	}
	s.cluster = cluster
	// What is seen is taken in as the API server's own text: who measures shall take little of the processors.
	quick := rest.CopyConfig(cluster.Config)
	quick.ContentType = "application/vnd.kubernetes.protobuf"
	if s.kube, err = kubernetes.NewForConfig(quick); err != nil {
		return nil, err
	}
	if s.dynamic, err = dynamic.NewForConfig(cluster.Config); err != nil {
		return nil, err
	}
	objects, err := install.All(install.Options{Image: "registry.local/daemongate:v1"})
	if err != nil {
		return nil, err
	}
	var others []*unstructured.Unstructured // the controller is a process of this machine
	for _, u := range objects {
		if u.GetKind() != "Deployment" {
			others = append(others, u)
		}
	}
	return s, install.Apply(ctx, cluster.Config, others)
}

func (s *stage) end() {
	if s.controller != nil {
		s.controller.stop()
	}
	for i := len(s.close) - 1; i >= 0; i-- {
		s.close[i]()
	}
}

// account is the installed controller's ServiceAccount, and accountNamespace its namespace.
const account, accountNamespace = "daemongate", "daemongate-system"

// tokenTime is how many seconds the controller's token is good: longer than a rehearsal takes.
const tokenTime = int64(24 * 60 * 60)

// start starts the controller with the installed rights, and with the data that an earlier one has left.
func (s *stage) start(ctx context.Context) error {
	kubeconfig := filepath.Join(s.dir, "kubeconfig")
	if s.hooks == "" {
		if err := s.writeKubeconfig(ctx, kubeconfig); err != nil {
			return err
		}
	}
	metrics, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	if s.hooks, err = freeAddress(ctx); err != nil {
		return err
	}
	// The Git server of the cluster is on this machine.
	args := []string{"run", "--all-namespaces", "--kubeconfig", kubeconfig, "--require-service-account", "--data-dir",
		filepath.Join(s.dir, "data"), "--metrics-address", metrics, "--webhook-address", s.hooks,
		"--allow-local-networks"}
	if s.profiles != "" {
		if s.profiling, err = freeAddress(ctx); err != nil {
			return err
		}
		args = append(args, "--pprof-bind-address", s.profiling)
	}
	s.controller, err = startProcess(s.binary, s.log, metrics, args...)
	return err
}

// keepProfiles keeps what tells for what the controller needs its memory, if profiles are kept: what is in use on its
// heap, its goroutines, its metrics, and for what the system says each part of its memory is (proc_pid_smaps(5)).
func (s *stage) keepProfiles(ctx context.Context, name string) error {
	if s.profiles == "" {
		return nil
	}
	for from, to := range map[string]string{
		s.profiling + "/debug/pprof/heap":              "heap.pb.gz",
		s.profiling + "/debug/pprof/goroutine?debug=1": "goroutines",
		s.controller.metrics + "/metrics":              "metrics",
	} {
		if err := s.keep(ctx, "http://"+from, name+"-"+to); err != nil {
			return err
		}
	}
	parts, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps", s.controller.command.Process.Pid))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.profiles, name+"-smaps"), parts, 0o600)
}

// keep keeps what is served at an address.
func (s *stage) keep(ctx context.Context, address, name string) (err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	file, err := os.Create(filepath.Join(s.profiles, name))
	if err != nil {
		return err
	}
	_, err = io.Copy(file, answer.Body)
	return errors.Join(err, file.Close())
}

// writeKubeconfig writes a way to the API server with the rights of the installed controller, and no others.
func (s *stage) writeKubeconfig(ctx context.Context, file string) error {
	seconds := tokenTime
	request := &authentication.TokenRequest{Spec: authentication.TokenRequestSpec{ExpirationSeconds: &seconds}}
	token, err := s.kube.CoreV1().ServiceAccounts(accountNamespace).CreateToken(ctx, account, request,
		metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("token of ServiceAccount %s/%s: %w", accountNamespace, account, err)
	}
	c := clientcmdapi.NewConfig()
	c.Clusters["cluster"] = &clientcmdapi.Cluster{Server: s.cluster.Config.Host,
		CertificateAuthorityData: s.cluster.Config.CAData, CertificateAuthority: s.cluster.Config.CAFile}
	c.AuthInfos["controller"] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	c.Contexts["controller"] = &clientcmdapi.Context{Cluster: "cluster", AuthInfo: "controller"}
	c.CurrentContext = "controller"
	return clientcmd.WriteToFile(*c, file)
}

// freeAddress is one of this machine at which nobody listens.
func freeAddress(ctx context.Context) (string, error) {
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// moment is what everybody has used until then.
type moment struct {
	at time.Time
	used
	asked
}

func (s *stage) now(ctx context.Context) (m moment, err error) {
	m.at = time.Now()
	if s.controller != nil {
		if m.used, err = s.controller.look(ctx); err != nil {
			return m, err
		}
	}
	m.asked, err = askedOf(ctx, s.kube)
	return m, err
}

// cost is what somebody has used from one moment to another.
type cost struct {
	took         time.Duration
	own, renders float64 // seconds of a processor
	requests     float64 // less those that the API server is asked anyway
	most         string  // of all requests
}

func (s *stage) since(before, after moment) cost {
	took := after.at.Sub(before.at)
	return cost{took: took, own: (after.own - before.own).Seconds(),
		renders:  (after.renders - before.renders).Seconds(),
		most:     most(before.asked, after.asked),
		requests: max(0, after.requests-before.requests-s.resting*took.Seconds())}
}

// settles waits until nobody asks the API server for anything for a while, beyond what it is asked anyway. It returns
// the moment at which that began.
func (s *stage) settles(ctx context.Context) (last moment, err error) {
	if last, err = s.now(ctx); err != nil {
		return last, err
	}
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if err := sleep(ctx, time.Second); err != nil {
			return last, err
		}
		m, err := s.now(ctx)
		switch c := s.since(last, m); {
		case err != nil:
			return last, err
		case c.requests > few:
			last = m
		case c.took >= s.quiet:
			if m.panics > 0 {
				return last, errors.New("the controller has panicked: see its log")
			}
			return last, nil
		}
	}
	return last, fmt.Errorf("waited %s in vain until nobody asks the API server for anything", patience)
}

// few are requests of others that come at no even pace.
const few = 4

// create makes a Sync.
func (s *stage) create(ctx context.Context, namespace, name string, spec map[string]any) error {
	u := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	u.SetGroupVersionKind(api.Kind)
	u.SetNamespace(namespace)
	u.SetName(name)
	_, err := s.dynamic.Resource(api.Resource).Namespace(namespace).Create(ctx, u, metav1.CreateOptions{})
	return err
}

// followSyncs begins to look at which commit of each Sync is complete.
func (s *stage) followSyncs(ctx context.Context) (*seen, error) {
	all := s.dynamic.Resource(api.Resource)
	syncs, err := watching(ctx, "", all.List, all.Watch)
	if err != nil {
		return nil, err
	}
	return follow(ctx, syncs, func(e watch.Event) (name, value string) {
		u, ok := e.Object.(*unstructured.Unstructured)
		if !ok {
			return "", ""
		}
		commit, _, _ := unstructured.NestedString(u.Object, "status", "lastComplete")
		return u.GetNamespace() + "/" + u.GetName(), commit
	}), nil
}

// hook sends the webhook of a push, as GitHub does, to a Sync; again while the controller has too many to look at.
func (s *stage) hook(ctx context.Context, sync string) error {
	return until(ctx, "a webhook to be taken", func() (taken bool, err error) { return s.sendHook(ctx, sync) })
}

func (s *stage) sendHook(ctx context.Context, sync string) (taken bool, err error) {
	body := `{"ref":"refs/heads/main"}`
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.hooks+"/hooks/"+sync,
		strings.NewReader(body))
	if err != nil {
		return false, err
	}
	sum := hmac.New(sha256.New, []byte(shared))
	_, _ = sum.Write([]byte(body)) // a hash takes all
	request.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(sum.Sum(nil)))
	request.Header.Set("X-GitHub-Event", "push")
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, err
	}
	_ = answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusAccepted:
		return true, nil
	case http.StatusServiceUnavailable:
		return false, nil
	}
	return false, fmt.Errorf("a webhook was answered %s", answer.Status)
}
