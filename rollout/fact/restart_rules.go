package fact

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// RuleFor is the first restart rule of a container that is for some exit code, nil if none is.
func RuleFor(c *corev1.Container, exitCode int32) *corev1.ContainerRestartRule {
	for i := range c.RestartPolicyRules {
		on := c.RestartPolicyRules[i].ExitCodes
		if on == nil {
			continue
		}
		listed := slices.Contains(on.Values, exitCode)
		if listed && on.Operator == corev1.ContainerRestartRuleOnExitCodesOpIn || !listed &&
			on.Operator == corev1.ContainerRestartRuleOnExitCodesOpNotIn {
			return &c.RestartPolicyRules[i]
		}
	}
	return nil
}

// Restarts reports whether the kubelet starts a container again that has ended with some exit code: by its first rule
// for the code, else by its own restartPolicy, else by the pod's, which is Always in a DaemonSet (kubernetes
// pkg/api/v1/pod, ContainerShouldRestart).
func Restarts(c *corev1.Container, exitCode int32) bool {
	if c == nil || c.RestartPolicy == nil {
		return true
	}
	if rule := RuleFor(c, exitCode); rule != nil && slices.Contains(restartActions, rule.Action) {
		return true
	}
	switch *c.RestartPolicy {
	case corev1.ContainerRestartPolicyNever:
		return false
	case corev1.ContainerRestartPolicyOnFailure:
		return exitCode != 0
	}
	return true
}

var restartActions = []corev1.ContainerRestartRuleAction{
	corev1.ContainerRestartRuleActionRestart, corev1.ContainerRestartRuleActionRestartAllContainers,
}

// MayEndForGood reports whether there is an exit code with which a container is not started again.
func MayEndForGood(c *corev1.Container) bool {
	return c.RestartPolicy != nil && *c.RestartPolicy != corev1.ContainerRestartPolicyAlways
}

// RulesRestartingAll are a container's rules that restart all containers of its pod.
func RulesRestartingAll(c *corev1.Container) []corev1.ContainerRestartRule {
	var rules []corev1.ContainerRestartRule
	for _, r := range c.RestartPolicyRules {
		if r.Action == corev1.ContainerRestartRuleActionRestartAllContainers && r.ExitCodes != nil {
			rules = append(rules, r)
		}
	}
	return rules
}

// PolicyWords say by what a container is not started again: "its restartPolicy is Never, and none of its
// restartPolicyRules is for that (Restart on exit code 42)".
func PolicyWords(c *corev1.Container) string {
	if c == nil || c.RestartPolicy == nil {
		return "nothing restarts it"
	}
	words := fmt.Sprintf("its restartPolicy is %s", *c.RestartPolicy)
	if len(c.RestartPolicyRules) == 0 {
		return words
	}
	var rules []string
	for _, r := range c.RestartPolicyRules {
		rules = append(rules, RuleWords(r))
	}
	return fmt.Sprintf("%s, and none of its restartPolicyRules is for that (%s)", words, strings.Join(rules, "; "))
}

// RuleWords are a rule in short: "Restart on exit code 42", "RestartAllContainers on any exit code but 0".
func RuleWords(r corev1.ContainerRestartRule) string {
	if r.ExitCodes == nil {
		return string(r.Action)
	}
	return string(r.Action) + " on " + CodeWords(r.ExitCodes)
}

// CodeWords are the exit codes of a rule: "exit code 42", "any exit code but 0".
func CodeWords(on *corev1.ContainerRestartRuleOnExitCodes) string {
	var codes []string
	for _, v := range on.Values {
		codes = append(codes, fmt.Sprint(v))
	}
	if on.Operator == corev1.ContainerRestartRuleOnExitCodesOpNotIn {
		return "any exit code but " + strings.Join(codes, ", ")
	}
	return "exit code " + strings.Join(codes, " or ")
}
