package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/cmd/daemongate/controller"
	"github.com/daemongate/daemongate/cmd/daemongate/twin"
	"github.com/daemongate/daemongate/manifests/install"
)

// eachFlag calls back with every flag of every command that people run.
func eachFlag(c *cobra.Command, do func(c *cobra.Command, f *pflag.Flag)) {
	if c.Runnable() {
		c.InitDefaultHelpFlag()
		c.Flags().VisitAll(func(f *pflag.Flag) { do(c, f) })
	}
	for _, below := range c.Commands() {
		eachFlag(below, do)
	}
}

// samples are a value of each type of flag, and one that is none where there is such a thing.
var samples = map[string][2]string{
	"bool": {"true", "maybe"}, "int": {"7", "many"}, "int64": {"7", "many"}, "duration": {"7s", "soon"},
	"quantity": {"7Gi", "much"}, "ip": {"10.0.0.7", "here"}, "ipNetSlice": {"10.0.0.0/8", "all"},
	"string": {"a", ""}, "strings": {"a,b", ""}, "stringSlice": {"a,b", ""}, "stringArray": {"a,b", ""},
	"format": {"json", "toml"},
}

// Every flag of every command says in its help by which variable it can be set, is set by it, and by the command line
// if that says something else.
func TestEveryFlagHasATwinInTheEnvironment(t *testing.T) {
	seen := 0
	eachFlag(newRoot("daemongate"), func(c *cobra.Command, f *pflag.Flag) {
		if !twin.Has(f.Name) {
			return
		}
		seen++
		sample, known := samples[f.Value.Type()]
		if !known {
			t.Errorf("%s --%s: type %q has no sample here", c.CommandPath(), f.Name, f.Value.Type())
			return
		}
		if sample[0] == f.DefValue {
			sample[0] = "false"
		}
		t.Run(c.CommandPath()+" --"+f.Name, func(t *testing.T) {
			name := twin.Of(f.Name)
			if strings.Count(f.Usage, "[$"+name+"]") != 1 {
				t.Errorf("the help does not name %s once: %s", name, f.Usage)
			}
			t.Setenv(name, sample[0])
			if got, err := started(t, c, f.Name); err != nil || !got.Changed || got.Value.String() == f.DefValue {
				t.Errorf("%s=%s: %q, %v", name, sample[0], got.Value, err)
			}
			if sample[1] != "" {
				t.Setenv(name, sample[1])
				if _, err := started(t, c, f.Name); err == nil || !strings.Contains(err.Error(), name+"="+sample[1]) {
					t.Errorf("%s=%s: %v", name, sample[1], err)
				}
			}
			// The command line is valid, so what the environment says is not looked at.
			if got, err := started(t, c, f.Name, "--"+f.Name+"="+sample[0]); err != nil || !got.Changed {
				t.Errorf("%s=%s beside --%s=%s: %v", name, sample[1], f.Name, sample[0], err)
			}
		})
	})
	if seen < 200 {
		t.Errorf("only %d flags were looked at", seen)
	}
}

// settings are the switches that say how commands work. All others say what one command is to do.
const settings = "all-namespaces allow-forks allow-local-networks allow-local-repositories allow-remote-bases as-sync behind " +
	"client comment-allow-http exit-code follow-redirects http-actions http metrics-auth monitoring no-browser nodes plain " +
	"require-credential-hosts require-service-account strict stuck watch worktree"

// Whoever adds a switch says which of the two it is: a setting, which the environment may set, or what one command is to
// do (in package twin), which it may not.
func TestEverySwitchIsASettingOrWhatOneCommandIsToDo(t *testing.T) {
	eachFlag(newRoot("daemongate"), func(c *cobra.Command, f *pflag.Flag) {
		known := slices.Contains(strings.Fields(settings), f.Name)
		if f.Value.Type() == "bool" && f.Name != "help" && f.Name != "version" && twin.Has(f.Name) != known {
			t.Errorf("%s --%s: name it in settings here, or in deeds of package twin", c.CommandPath(), f.Name)
		}
	})
	for _, variable := range []string{"DAEMONGATE_ALL", "DAEMONGATE_REASON", "DAEMONGATE_DRY_RUN"} {
		t.Setenv(variable, "true")
	}
	for args, says := range map[string]string{"fleet .": "give --all there", "suspend agents": "give --all there",
		"suspend --all": "give --reason there", "hold . abc --reason x": "give --all there", "migrate": "give --dry-run there"} {
		if r := daemongate(t, "", strings.Fields(args)...); r.code != 2 || !strings.Contains(r.stderr, says) {
			t.Errorf("%s: exit code %d, %s", args, r.code, r.stderr)
		}
	}
}

// started is a flag of a command that is about to run with these arguments, as far as it is about flags.
func started(t *testing.T, like *cobra.Command, flag string, args ...string) (*pflag.Flag, error) {
	t.Helper()
	root := newRoot("daemongate")
	c, _, err := root.Find(strings.Fields(like.CommandPath())[1:])
	check(t, err)
	check(t, c.ParseFlags(args))
	err = c.Args(c, nil)
	if err != nil && !strings.Contains(err.Error(), "DAEMONGATE_") {
		err = nil // it wants arguments
	}
	return c.Flags().Lookup(flag), err
}

// linked is what the kubelet names the variables by which it tells containers of the Services of their namespace, after
// DAEMONGATE_ for the Service daemongate and those whose names begin with it.
var linked = regexp.MustCompile(`(^|-)(service-host|service-port(-.*)?|port(-\d+-(tcp|udp|sctp)(-.*)?)?)$`)

// No twin is a variable that something else sets: the kubelet for a Service, the manifests, or a test.
func TestNoTwinIsSetBySomethingElse(t *testing.T) {
	if !linked.MatchString("port-80-tcp-addr") || !linked.MatchString("page-service-port-http") {
		t.Error("the names of the kubelet are not known")
	}
	objects, err := install.All(install.Options{Image: "example.com/daemongate:v1"})
	check(t, err)
	for _, o := range objects {
		if links, found, err := unstructured.NestedBool(o.Object, "spec", "template", "spec", "enableServiceLinks"); err != nil ||
			o.GetKind() == "Deployment" && (!found || links) {
			t.Errorf("%s is told of Services by variables: %v", o.GetName(), err)
		}
	}
	eachFlag(newRoot("daemongate"), func(c *cobra.Command, f *pflag.Flag) {
		if linked.MatchString(f.Name) && c.CommandPath() != "daemongate dashboard" { // which is for one's own machine
			t.Errorf("%s --%s: %s may be set by the kubelet, for a Service", c.CommandPath(), f.Name, twin.Of(f.Name))
		}
		switch twin.Of(f.Name) {
		case controller.MemoryLimit, asProcess, "DAEMONGATE_TEST_ALL", "DAEMONGATE_BEFORE":
			t.Errorf("%s --%s: %s means something else", c.CommandPath(), f.Name, twin.Of(f.Name))
		}
	})
}

// Somebody sets a variable, and sees what comes of it: as if the flag were there, not if it is there, and why not.
func TestTwinsAreUsedAsFlagsAre(t *testing.T) {
	t.Setenv("DAEMONGATE_OUTPUT", "json")
	if r := daemongate(t, "", "version", "--client"); r.code != 0 || !strings.HasPrefix(r.stdout, "{") {
		t.Errorf("%+v", r)
	}
	if r := daemongate(t, "", "version", "--client", "-o", "table"); !strings.HasPrefix(r.stdout, "daemongate ") {
		t.Errorf("the command line does not win: %+v", r)
	}
	t.Setenv("DAEMONGATE_OUTPUT", "toml")
	if r := daemongate(t, "", "version", "--client"); r.code != 2 ||
		!strings.Contains(r.stderr, "DAEMONGATE_OUTPUT=toml, which stands for --output: want table, json or yaml") {
		t.Errorf("%+v", r)
	}
	t.Setenv("DAEMONGATE_OUTPUT", "")
	if r := daemongate(t, "", "version", "--client"); !strings.HasPrefix(r.stdout, "daemongate ") {
		t.Errorf("an empty variable is none: %+v", r)
	}
	t.Setenv("DAEMONGATE_WORKERS", "many")
	t.Setenv("DAEMONGATE_LEASE_DURATION", "soon")
	r := daemongate(t, "", "run")
	for _, want := range []string{"DAEMONGATE_WORKERS=many", "DAEMONGATE_LEASE_DURATION=soon", "'daemongate run --help'"} {
		if r.code != 2 || !strings.Contains(r.stderr, want) {
			t.Errorf("%d, want %s: %s", r.code, want, r.stderr)
		}
	}
	t.Setenv("DAEMONGATE_TOKEN_FILE", "hunter2")
	t.Setenv("DAEMONGATE_NAMESPACE", "hunter2")
	for _, command := range []string{"run", "render", "plan"} {
		if r := daemongate(t, "", command, "--help"); r.code != 0 || strings.Contains(r.stdout, "hunter2") {
			t.Errorf("help shows what is in the environment: %s", r.stdout)
		}
	}
}
