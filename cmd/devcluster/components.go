package main

import (
	"fmt"
	"os"

	"github.com/spf13/pflag"
	"go.etcd.io/etcd/server/v3/etcdmain"
	componentcli "k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kwokconfig "sigs.k8s.io/kwok/pkg/config"
	kwokcmd "sigs.k8s.io/kwok/pkg/kwok/cmd"
	kwoklog "sigs.k8s.io/kwok/pkg/log"
	kwoksignals "sigs.k8s.io/kwok/pkg/utils/signals"
)

// components are the programs that this binary is, by the name it is started under; they read os.Args themselves.
var components = map[string]func() int{
	"etcd":                    func() int { etcdmain.Main(os.Args); return 0 },
	"kube-apiserver":          func() int { return componentcli.Run(apiserver.NewAPIServerCommand()) },
	"kube-controller-manager": func() int { return componentcli.Run(controllermanager.NewControllerManagerCommand()) },
	"kube-scheduler":          func() int { return componentcli.Run(scheduler.NewSchedulerCommand()) },
	"kwok":                    kwok,
}

// ownFlags forgets the flags that Kubernetes' packages register for every command in the process, such as --version.
func ownFlags() { pflag.CommandLine = pflag.NewFlagSet("", pflag.ContinueOnError) }

// kwok is KWOK's own main function, with its exits made return values.
func kwok() int {
	ownFlags()
	flags := pflag.NewFlagSet("global", pflag.ContinueOnError)
	flags.ParseErrorsWhitelist.UnknownFlags = true // the name that the pflag of Kubernetes 1.34 knows, too
	flags.Usage = func() {}
	ctx, _ := kwoklog.InitFlags(kwoksignals.SetupSignalContext(), flags)
	ctx, err := kwokconfig.InitFlags(ctx, flags)
	if err != nil {
		fmt.Fprintln(os.Stderr, "read the configuration:", err)
		return 1
	}
	command := kwokcmd.NewCommand(ctx)
	command.PersistentFlags().AddFlagSet(flags)
	if err := command.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
