package twin

import (
	"errors"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// What says how commands work can be set by the environment; what says what one command is to do, or why, cannot.
func TestWhatOneCommandIsToDoHasNoTwin(t *testing.T) {
	t.Parallel()
	for flags, want := range map[string]bool{
		"kubeconfig namespace as log-level data-dir image output all-namespaces namespaces lease-name as-sync token-file": true,
		"all lift reason dry-run export export-chart full override-window stage suspend comment help version":             false,
	} {
		for flag := range strings.FieldsSeq(flags) {
			if Has(flag) != want {
				t.Errorf("--%s has a twin: %v", flag, !want)
			}
		}
	}
}

// A variable for such a flag is neither obeyed nor passed over: the command is not run, and says what to do. On the
// command line the flag counts as ever.
func TestVariablesForWhatOneCommandIsToDoAreRefused(t *testing.T) {
	misused := errors.New("misused")
	run := func(args ...string) (all, dry bool, err error) {
		ran := false
		c := &cobra.Command{Use: "stop", SilenceErrors: true, SilenceUsage: true, Run: func(*cobra.Command, []string) { ran = true }}
		c.Flags().BoolVar(&all, "all", false, "everything")
		c.Flags().BoolVar(&dry, "dry-run", false, "nothing")
		Attach(c, func(_ *cobra.Command, err error) error { return errors.Join(misused, err) })
		if usage := c.Flags().FlagUsages(); strings.Contains(usage, "DAEMONGATE_") {
			t.Errorf("the help names a variable:\n%s", usage)
		}
		c.SetArgs(args)
		if err = c.ExecuteContext(t.Context()); ran != (err == nil) {
			t.Errorf("%q: ran %v, %v", args, ran, err)
		}
		return all, dry, err
	}
	for _, value := range []string{"true", "false", "nonsense"} {
		t.Setenv("DAEMONGATE_ALL", value)
		if all, _, err := run(); all || !errors.Is(err, misused) || !strings.Contains(err.Error(), "DAEMONGATE_ALL is set") ||
			!strings.Contains(err.Error(), "give --all there, or unset the variable") {
			t.Errorf("DAEMONGATE_ALL=%s: %v, %v", value, all, err)
		}
		if all, _, err := run("--all"); !all || err != nil {
			t.Errorf("DAEMONGATE_ALL=%s beside --all: %v, %v", value, all, err)
		}
	}
	t.Setenv("DAEMONGATE_ALL", "")
	t.Setenv("DAEMONGATE_DRY_RUN", "true")
	if _, dry, err := run(); dry || err == nil || !strings.Contains(err.Error(), "DAEMONGATE_DRY_RUN is set") {
		t.Errorf("%v, %v", dry, err)
	}
	t.Setenv("DAEMONGATE_DRY_RUN", "")
	if _, _, err := run(); err != nil {
		t.Errorf("empty variables are none: %v", err)
	}
}
