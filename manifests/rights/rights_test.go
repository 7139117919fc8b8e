package rights

import (
	"strings"
	"testing"
)

// Single rights that are missing are named with whose they are, where, and what grants them, and no others.
func TestSingleRightsAreNamed(t *testing.T) {
	m := Missing{As: User("platform", "deployer"), Namespace: "logging"}
	if got, want := m.LackOf(Evicting), "ServiceAccount platform/deployer lacks get on pods and create on pods/eviction in "+
		"namespace logging"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	const grants = "kubectl -n logging create role deployer-create-pods-eviction --verb=create --resource=pods/eviction && " +
		"kubectl -n logging create rolebinding deployer-create-pods-eviction --role=deployer-create-pods-eviction " +
		"--serviceaccount=platform:deployer"
	if got := m.AdviceFor(Evicting[1:]); !strings.HasSuffix(got, ": "+grants) || strings.Contains(got, "--resource=pods ") {
		t.Errorf("%q does not end in %q", got, grants)
	}
	if got := (Missing{Namespace: "logging"}).AdviceFor(Evicting); !strings.Contains(got, "by a Role in namespace logging") {
		t.Errorf("of who is no ServiceAccount: %q", got)
	}
	m.Said = `serviceaccounts "deployer" is forbidden: User "controller" cannot impersonate resource "serviceaccounts"`
	if got := m.AdviceFor(Evicting); !strings.Contains(got, "does not look after Syncs of namespace platform") {
		t.Errorf("who may not impersonate: %q", got)
	}
	for said, is := range map[string]bool{
		m.Said: true, `User "x" cannot create resource "pods/eviction" in API group ""`: true, "": false,
		`admission webhook "guard" denied the request: no`:                                           false,
		`pods "a" is forbidden: unable to create new content in namespace x: it is being terminated`: false,
	} {
		if IsMissing(said) != is {
			t.Errorf("%q is taken for missing rights: %v", said, !is)
		}
	}
}

// Whoever lacks a right is named, with how exactly that one gets it where it is lacking; and nobody is told to give the
// controller more.
func TestWhoLacksTheRightIsNamed(t *testing.T) {
	const deployer = "system:serviceaccount:platform:deployer"
	for name, story := range map[string]struct {
		missing Missing
		says    []string
	}{
		"a Sync's account, in another namespace": {
			Missing{As: deployer, Group: "apps", Resource: "daemonsets", Namespace: "logging"},
			[]string{"ServiceAccount platform/deployer needs", "in namespace logging: grant them to it",
				"kubectl -n logging create role deployer-daemonsets --verb=get,list,watch,create,patch,delete " +
					"--resource=daemonsets.apps && kubectl -n logging create rolebinding deployer-daemonsets " +
					"--role=deployer-daemonsets --serviceaccount=platform:deployer"}},
		"what has no namespace": {
			Missing{As: deployer, Resource: "namespaces"},
			[]string{"kubectl create clusterrole platform-deployer-namespaces --verb=get,list,watch,create,patch,delete " +
				"--resource=namespaces && kubectl create clusterrolebinding platform-deployer-namespaces " +
				"--clusterrole=platform-deployer-namespaces --serviceaccount=platform:deployer"}},
		"it is not known what": {Missing{As: deployer, Namespace: "logging"},
			[]string{"ServiceAccount platform/deployer needs", "by a Role or ClusterRole"}},
		"the process itself": {Missing{Group: "apps", Resource: "daemonsets", Namespace: "logging"},
			[]string{"spec.apply.serviceAccountName", "in namespace logging", "the controller's own rights are not for that"}},
		"a namespace that the controller does not look after": {
			Missing{As: deployer, Namespace: "platform", Said: `serviceaccounts "deployer" is forbidden: User ` +
				`"system:serviceaccount:daemongate-system:daemongate" cannot impersonate resource "serviceaccounts"`},
			[]string{"does not look after Syncs of namespace platform"}},
	} {
		got := story.missing.Advice()
		for _, want := range story.says {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q is not in\n%s", name, want, got)
			}
		}
		if strings.Contains(got, "daemongate-system") {
			t.Errorf("%s: it wants the controller to have more:\n%s", name, got)
		}
	}
}
