package devpackages

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/cmd/apply"
	"k8s.io/kubectl/pkg/cmd/delete"
	"k8s.io/kubectl/pkg/cmd/get"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
)

// fatal has kubectl panic with what it would end the process with, once for all.
var fatal = sync.OnceFunc(func() {
	cmdutil.BehaviorOnFatal(func(text string, code int) { panic(fmt.Sprintf("exit code %d: %s", code, text)) })
})

// kubectl does what a command says by kubectl's own module, and returns what it prints.
func (w *world) kubectl(t *testing.T, command string) string {
	t.Helper()
	out, err := w.tries(t, command)
	if err != nil {
		t.Fatalf("kubectl %s: %v", command, err)
	}
	return out
}

// tries does it, or says why it cannot be done.
func (w *world) tries(t *testing.T, command string) (printed string, err error) {
	t.Helper()
	fatal()
	defer func() {
		if why := recover(); why != nil {
			err = fmt.Errorf("%v", why)
		}
	}()
	flags, cache := genericclioptions.NewConfigFlags(false), t.TempDir()
	flags.KubeConfig, flags.CacheDir = &w.Kubeconfig, &cache
	streams, _, out, _ := genericiooptions.NewTestIOStreams()
	k := &cobra.Command{Use: "kubectl", SilenceUsage: true}
	flags.AddFlags(k.PersistentFlags())
	f := cmdutil.NewFactory(cmdutil.NewMatchVersionFlags(flags))
	k.AddCommand(get.NewCmdGet("kubectl", f, streams), apply.NewCmdApply("kubectl", f, streams),
		delete.NewCmdDelete(f, streams))
	k.SetArgs(strings.Fields(strings.TrimPrefix(command, "kubectl ")))
	err = k.ExecuteContext(t.Context())
	return out.String(), err
}
