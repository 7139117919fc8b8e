package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"github.com/daemongate/daemongate/cmd/devcluster/kubelet"
	"github.com/daemongate/daemongate/cmd/devcluster/stages"
)

// Options says what cluster to run.
type Options struct {
	Name      string
	Folder    Folder
	Nodes     int
	NodeGrace time.Duration // how long a node may be silent before it is NotReady
	AuditLog  bool          // the API server writes who wrote what
}

// startTime is how long a cluster may take to get ready, on a machine that is busy with other things too, and how much
// longer for each node.
const (
	startTime   = 3 * time.Minute
	timePerNode = 200 * time.Millisecond
)

// Run runs a cluster until ctx ends, and then stops it; ready is called once everything in it works. An error names the
// component that failed and its log.
func Run(ctx context.Context, o Options, ready func(Info)) error {
	lock, err := o.Folder.lock()
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := errors.Join(o.Folder.sweep(), o.Folder.fresh()); err != nil {
		return fmt.Errorf("folder %s: %w", o.Folder, err)
	}
	var free ports
	defer free.close()
	at, err := newAddresses(&free)
	if err != nil {
		return err
	}
	if err := errors.Join(o.Folder.identities(at.server()), stages.Write(o.Folder.path("kwok.yaml")),
		o.Folder.auditPolicy()); err != nil {
		return fmt.Errorf("folder %s: %w", o.Folder, err)
	}
	children := newProcesses(o.Folder)
	defer children.stop()
	defer os.Remove(o.Folder.path("cluster.json"))
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watched := make(chan struct{})
	defer func() { // nothing is started again while all is stopped
		cancel(nil)
		<-watched
	}()
	go func() {
		defer close(watched)
		children.watch(ctx, cancel)
	}()
	if err := o.start(ctx, children, at, ready); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	<-ctx.Done()
	return stopped(context.Cause(ctx))
}

// stopped: a cluster that was told to stop has not failed.
func stopped(cause error) error {
	if errors.Is(cause, context.Canceled) {
		return nil
	}
	return cause
}

func (o Options) start(ctx context.Context, children *processes, at addresses, ready func(Info)) error {
	for _, c := range []command{o.Folder.etcd(at), o.Folder.apiserver(at, o.AuditLog)} {
		if err := children.start(c); err != nil {
			return err
		}
	}
	config, client, err := o.Folder.client()
	if err != nil {
		return err
	}
	starting, cancel := context.WithTimeout(ctx, startTime+time.Duration(o.Nodes)*timePerNode)
	defer cancel()
	if err := waitForServer(starting, client); err != nil {
		return err
	}
	for _, c := range []command{o.Folder.controllerManager(o.NodeGrace), o.Folder.scheduler(),
		o.Folder.kwok(o.NodeGrace)} {
		if err := children.start(c); err != nil {
			return err
		}
	}
	if err := errors.Join(o.Folder.quiet(), kubelet.Start(ctx, config)); err != nil {
		return err
	}
	git, err := serveGit(ctx, o.Folder.Repositories())
	if err != nil {
		return err
	}
	if err := AddNodes(starting, client, 1, o.Nodes); err != nil {
		return err
	}
	if err := waitForNodes(starting, client, o.Nodes); err != nil {
		return err
	}
	info := Info{
		Name: o.Name, Dir: string(o.Folder), PID: os.Getpid(),
		Kubeconfig: o.Folder.Kubeconfig(), Server: at.server(), GitURL: git,
	}
	if err := o.Folder.writeInfo(info); err != nil {
		return err
	}
	ready(info)
	return nil
}

// quiet sends what client-go logs in this process to a file of its own.
func (f Folder) quiet() error {
	log, err := os.Create(f.Log("kubelet"))
	if err != nil {
		return err
	}
	klog.LogToStderr(false)
	klog.SetOutput(log)
	return nil
}

// Client is for the commands that act on a cluster that is up.
func (f Folder) Client() (*kubernetes.Clientset, error) {
	if _, err := f.Info(); err != nil {
		return nil, err
	}
	_, client, err := f.client()
	return client, err
}

func (f Folder) client() (*rest.Config, *kubernetes.Clientset, error) {
	config, err := clientcmd.BuildConfigFromFlags("", f.Kubeconfig())
	if err != nil {
		return nil, nil, err
	}
	config.QPS = -1 // the API server protects itself
	client, err := kubernetes.NewForConfig(config)
	return config, client, err
}
