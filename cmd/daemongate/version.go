package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/daemongate/daemongate/cmd/daemongate/fit"
	"github.com/daemongate/daemongate/cmd/daemongate/fit/judge"
)

// build says which program this is.
type build struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// versions are those of this program and of the controller, as far as there is one to be asked about.
type versions struct {
	build
	Controller *judge.Running `json:"controller,omitempty"`
	Skew       string         `json:"skew,omitempty"`
}

func newVersion() *cobra.Command {
	var k cluster
	format, alone := formatTable, false
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version, of this program and of the controller in the cluster",
		Long: `Print the version of this program, and of the controller that holds the Lease in namespace daemongate-system, if there is a
cluster, with what a difference means. Whoever may not read the Lease is told the version of this program alone, and why.`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			v := versions{build: thisBuild()}
			if !alone {
				var unread string
				if v.Controller, unread = k.controller(c.Context()); unread != "" {
					_, _ = fmt.Fprintf(c.ErrOrStderr(), "the version of the controller is not known: %s\n", unread)
				}
			}
			if v.Controller != nil {
				_, v.Skew = judge.Skew(v.Version, v.Controller, time.Now())
			}
			return format.print(c.OutOrStdout(), v, func(w io.Writer) error {
				_, err := io.WriteString(w, v.lines())
				return err
			})
		},
	}
	k.addTo(c.Flags())
	c.Flags().BoolVar(&alone, "client", false, "of this program alone: ask no cluster")
	format.addTo(c)
	return c
}

// versionTimeout is how long a cluster is waited for to say which controller runs.
const versionTimeout = 10 * time.Second

// controller is the one that runs in the cluster, nil if there is none, and why it is not known, if there is a cluster.
func (k *cluster) controller(ctx context.Context) (*judge.Running, string) {
	config, _, err := k.connect()
	if err != nil && k.kubeconfig == "" && k.context == "" && os.Getenv(clientcmd.RecommendedConfigPathEnvVar) == "" {
		return nil, "" // nobody has said that there is a cluster
	}
	if err != nil {
		return nil, err.Error()
	}
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err.Error()
	}
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	return fit.Controller(ctx, kube)
}

// lines are the versions for people.
func (v versions) lines() string {
	if v.Controller == nil {
		return v.line()
	}
	return v.line() + fmt.Sprintf("controller %s (%s)\n%s\n", cmp.Or(v.Controller.Version, "unknown"),
		cmp.Or(v.Controller.Holder, "held by nobody"), v.Skew)
}

// thisBuild falls back to what the Go tool recorded for a binary that no Makefile built.
func thisBuild() build {
	v := version
	if info, ok := debug.ReadBuildInfo(); v == "" && ok {
		v = info.Main.Version
	}
	if v == "" {
		v = "unknown"
	}
	return build{Version: v, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
}

// askVersion gives the program the flag --version, and has it do something else without. A flag that cobra makes prints
// by way of a template: the linker would keep every exported method of every type for it.
func askVersion(root *cobra.Command, without func(*cobra.Command, []string) error) {
	asked := root.Flags().BoolP("version", "v", false, "version for "+root.DisplayName())
	root.RunE = func(c *cobra.Command, args []string) error {
		if !*asked {
			return without(c, args)
		}
		_, err := io.WriteString(c.OutOrStdout(), thisBuild().line())
		return err
	}
}

// line is the build in one line.
func (b build) line() string {
	return fmt.Sprintf("daemongate %s (%s, %s)\n", b.Version, b.Go, b.Platform)
}
