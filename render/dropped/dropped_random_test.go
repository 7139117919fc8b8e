package dropped_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// randomAgent is a DaemonSet whose lists have elements that stand twice, and ports with and without a protocol.
func randomAgent(dice *rand.Rand) string {
	var b strings.Builder
	b.WriteString("apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: agent, annotations: {a: b}}\nspec:\n  " +
		"selector: {matchLabels: {app: agent}}\n  template:\n    metadata: {labels: {app: agent}}\n    spec:\n      " +
		"nodeSelector: {a: b}\n      volumes: [{name: v0, emptyDir: {}}]\n      containers:\n")
	for c := range 1 + dice.IntN(2) {
		fmt.Fprintf(&b, "      - name: c%d\n        image: i\n        ports: [%s]\n        env: [%s]\n        "+
			"volumeMounts: [%s]\n", c,
			some(dice, "{containerPort: 8%d}", "{containerPort: 8%d, protocol: TCP}",
				"{containerPort: 8%d, protocol: UDP, name: n}"),
			some(dice, "{name: E%d, value: a}", "{name: E%d, value: b}", "{name: E%d}"),
			some(dice, "{name: v0, mountPath: /m%d}", "{name: v0, mountPath: /m%d, readOnly: true}"))
	}
	return b.String()
}

// some are up to four elements, numbered from 0 to 2, so that some stand twice.
func some(dice *rand.Rand, forms ...string) string {
	var all []string
	for range dice.IntN(5) {
		all = append(all, fmt.Sprintf(forms[dice.IntN(len(forms))], dice.IntN(3)))
	}
	return strings.Join(all, ", ")
}

// randomPatch puts a value that stands nowhere else into a field of the agent.
func randomPatch(dice *rand.Rand, unique int) string {
	n, c := dice.IntN(3), dice.IntN(2)
	inContainer := func(field string) string { return fmt.Sprintf("{containers: [{name: c%d, %s}]}", c, field) }
	forms := []string{
		inContainer(fmt.Sprintf("env: [{name: E%d, value: unique%d}]", n, unique)),
		inContainer(fmt.Sprintf("ports: [{containerPort: 8%d, hostIP: unique%d}]", n, unique)),
		inContainer(fmt.Sprintf("ports: [{containerPort: 8%d, protocol: TCP, hostIP: unique%d}]", n, unique)),
		inContainer(fmt.Sprintf("volumeMounts: [{name: v0, mountPath: /m%d, subPath: unique%d}]", n, unique)),
		inContainer(fmt.Sprintf("args: [a, unique%d]", unique)),
		inContainer(fmt.Sprintf("resources: {limits: {cpu: unique%d}}", unique)),
		fmt.Sprintf("{nodeSelector: {b: unique%d}}", unique),
		fmt.Sprintf("{tolerations: [{key: unique%d}]}", unique),
		fmt.Sprintf("{volumes: [{name: v%d, hostPath: {path: unique%d}}]}", n, unique),
	}
	return merge(forms[dice.IntN(len(forms))])
}

// A patch whose value came out is never warned of, and one whose value did not is, unless another patch follows that
// may have taken its place: random objects and patches, hundreds if all is tested.
func TestExactlyTheLostPatchesAreWarnedOf(t *testing.T) {
	lost, rounds := 0, 80
	if os.Getenv("DAEMONGATE_TEST_ALL") != "" {
		rounds = 400
	}
	for seed := range uint64(rounds) {
		dice := rand.New(rand.NewPCG(seed, 7))
		many := 1
		if seed%2 == 1 {
			many = 2 + dice.IntN(3)
		}
		files := fstest.MapFS{"base/ds.yaml": {Data: []byte(randomAgent(dice))},
			"base/kustomization.yaml": {Data: []byte("resources: [ds.yaml]\n")}}
		for i := range many { // each in an overlay of its own, so that a warning tells which
			below := fmt.Sprintf("o%d", i-1)
			if i == 0 {
				below = "base"
			}
			text := fmt.Sprintf("resources: [../%s]\nnamePrefix: p%d-\npatches:\n%s", below, i,
				randomPatch(dice, 100+i))
			files[fmt.Sprintf("o%d/kustomization.yaml", i)] = &fstest.MapFile{Data: []byte(text)}
		}
		result := build(t, files, fmt.Sprintf("o%d", many-1))
		out := printed(t, result.Objects[0])
		for i := range many {
			there := strings.Contains(out, fmt.Sprintf("unique%d", 100+i))
			warned := slices.ContainsFunc(result.Dropped, func(one string) bool {
				return strings.Contains(one, fmt.Sprintf("o%d/kustomization.yaml", i)) &&
					strings.Contains(one, " is lost")
			})
			if there && warned || !there && !warned && many == 1 {
				t.Fatalf("seed %d, patch %d: came out: %t, warned of: %t\n%s%s\n%s\n%q", seed, i, there, warned,
					files["base/ds.yaml"].Data, files[fmt.Sprintf("o%d/kustomization.yaml", i)].Data, out,
					result.Dropped)
			}
			if warned {
				lost++
			}
		}
	}
	if lost < rounds/20 {
		t.Errorf("only %d patches were lost: the test has nothing to show", lost)
	}
}
