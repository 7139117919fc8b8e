package main

import (
	"testing"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
)

// Where people other than the one who has started the controller write Syncs, its own machine is refused unless that is
// asked for: when it looks after all namespaces, and when it runs in a pod. At a person's desk everything is let.
func TestWhereAControllersOwnMachineIsRefused(t *testing.T) {
	inPod := rest.Config{BearerTokenFile: "/var/run/secrets/kubernetes.io/serviceaccount/token"}
	atDesk := rest.Config{BearerTokenFile: "/home/ada/token"}
	for _, c := range []struct {
		what                 string
		args                 []string
		config               rest.Config
		noNetworks, noFolder bool
	}{
		{"at a desk", nil, atDesk, false, false},
		{"for all namespaces", []string{"-A"}, atDesk, true, true},
		{"in a pod", nil, inPod, true, true},
		{"in a pod that may", []string{"--allow-local-networks"}, inPod, false, true},
		{"for all, and may", []string{"-A", "--allow-local-repositories"}, atDesk, true, false},
	} {
		o, flags := &runOptions{}, pflag.NewFlagSet("run", pflag.ContinueOnError)
		o.addTo(flags)
		check(t, flags.Parse(append(c.args, "--deny-cidr=10.96.0.0/12,fd00::/8")))
		o.keepOut(&c.config)
		if r := o.Mirrors.Reach; r.NoLocal != c.noNetworks || r.NoFiles != c.noFolder || len(r.Deny) != 2 {
			t.Errorf("%s: %+v", c.what, r)
		}
	}
}
