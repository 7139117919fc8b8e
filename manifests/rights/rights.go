// Package rights says whose rights do not suffice for a write, and how that one gets them. It never tells anybody to
// widen the controller's: what a Sync writes, it writes with the rights of its own ServiceAccount.
package rights

import (
	"fmt"
	"strings"
)

// Verbs are what a writer needs on every kind that it writes.
const Verbs = "get,list,watch,create,patch,delete"

const accountPrefix = "system:serviceaccount:"

// User is the name by which the API server knows a ServiceAccount.
func User(namespace, name string) string { return accountPrefix + namespace + ":" + name }

// Account is the namespace and the name of the ServiceAccount that a user is.
func Account(user string) (namespace, name string, is bool) {
	rest, is := strings.CutPrefix(user, accountPrefix)
	if !is {
		return "", "", false
	}
	return strings.Cut(rest, ":")
}

// Missing is a right that a writer lacks.
type Missing struct {
	// As is the user in whose name it was written; empty if that was the process itself.
	As string
	// Said is the API server's answer, of which nothing is repeated.
	Said string
	// Group and Resource are what may not be written, as far as they are known, and Namespace where.
	Group, Resource, Namespace string
}

// Advice says what to do about it.
func (m Missing) Advice() string {
	namespace, name, is := Account(m.As)
	switch {
	case !is:
		return fmt.Sprintf("who writes needs get, list, watch, create, patch and delete on this kind%s, by a Role or "+
			"ClusterRole; a Sync names the ServiceAccount that has them in spec.apply.serviceAccountName, and the "+
			"controller's own rights are not for that", in(m.Namespace))
	case strings.Contains(m.Said, " cannot impersonate "):
		return fmt.Sprintf("this controller does not look after Syncs of namespace %s, so it may not act for the "+
			"ServiceAccounts there: whoever installed it names the namespaces with daemongate install --namespaces",
			namespace)
	}
	return fmt.Sprintf("ServiceAccount %s/%s needs get, list, watch, create, patch and delete on this kind%s: grant "+
		"them to it by a Role or ClusterRole%s", namespace, name, in(m.Namespace), m.commands(namespace, name))
}

// IsMissing reports whether the API server says of a 403 that whoever asked has no right: admission plugins answer with
// the same code.
func IsMissing(said string) bool {
	if _, lacks, found := strings.Cut(said, " is forbidden: "); found {
		said = lacks
	}
	return strings.HasPrefix(said, "User ") && strings.Contains(said, " cannot ")
}

// Right is a verb on a resource of the core group, or on a part of one, such as pods/eviction.
type Right struct{ Verb, Resource string }

// String names it.
func (r Right) String() string { return r.Verb + " on " + r.Resource }

// Evicting is what whoever has single pods go needs where they are: each is read first.
var Evicting = []Right{{"get", "pods"}, {"create", "pods/eviction"}}

// LackOf says who lacks some rights, and where.
func (m Missing) LackOf(lacks []Right) string {
	who := "who evicts"
	if namespace, name, is := Account(m.As); is {
		who = "ServiceAccount " + namespace + "/" + name
	}
	return who + " lacks " + listed(lacks) + in(m.Namespace)
}

// AdviceFor says how single rights are granted that are missing.
func (m Missing) AdviceFor(lacks []Right) string {
	_, name, is := Account(m.As)
	switch {
	case is && strings.Contains(m.Said, " cannot impersonate "):
		return m.Advice()
	case !is:
		return "Grant " + listed(lacks) + " by a Role" + in(m.Namespace) + ": docs/pace.md has it."
	}
	var commands []string
	for _, r := range lacks {
		role := name + "-" + r.Verb + "-" + strings.ReplaceAll(r.Resource, "/", "-")
		commands = append(commands, m.grant(role, r.Verb, r.Resource))
	}
	return "Grant it the Role of docs/pace.md, or run: " + strings.Join(commands, " && ")
}

func listed(lacks []Right) string {
	var all []string
	for _, r := range lacks {
		all = append(all, r.String())
	}
	return strings.Join(all, " and ")
}

func in(namespace string) string {
	if namespace == "" {
		return ""
	}
	return " in namespace " + namespace
}

// commands are what grants the right to a ServiceAccount, if it is known what is lacking.
func (m Missing) commands(namespace, name string) string {
	if m.Resource == "" {
		return ""
	}
	resource := m.Resource
	if m.Group != "" {
		resource += "." + m.Group
	}
	role := name + "-" + m.Resource
	if m.Namespace == "" {
		role = namespace + "-" + role
	}
	return ", such as " + m.grant(role, Verbs, resource)
}

// grant is how a role is made and given to the ServiceAccount, in the namespace, or else everywhere.
func (m Missing) grant(role, verbs, resource string) string {
	kind, where := "role", "-n "+m.Namespace+" "
	if m.Namespace == "" {
		kind, where = "clusterrole", ""
	}
	namespace, name, _ := Account(m.As)
	return fmt.Sprintf("kubectl %screate %s %s --verb=%s --resource=%s && kubectl %screate %sbinding %s --%s=%s "+
		"--serviceaccount=%s:%s", where, kind, role, verbs, resource, where, kind, role, kind, role, namespace, name)
}
