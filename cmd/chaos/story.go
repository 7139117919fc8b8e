package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// commit is one that is pushed.
type commit struct {
	subject string
	edit    func(*files)
	rewrite bool          // it takes the place of the one before it
	wait    bool          // until the one before it has settled
	pause   time.Duration // or else so long
}

// files are what is in the repository.
type files struct {
	image, readme, data string
	drop                bool
}

func newFiles() *files { return &files{image: "registry.local/agent:v1", drop: true} }

// unchanged is the subject of the commit that changes nothing.
const unchanged = "unchanged"

// everything is what may be pushed after the first commit: good ones, a broken one and its fix, one that changes
// nothing, one that is rewritten, and at the end a good one that asks for an object less.
func everything() []commit {
	image := func(name string) func(*files) { return func(f *files) { f.image = "registry.local/agent:" + name } }
	return []commit{
		{subject: "v2", edit: image("v2")},
		{subject: "broken", edit: image("latset")},
		{subject: "fix", edit: image("v3")},
		{subject: unchanged, edit: func(f *files) { f.readme = "Who is on call.\n" }},
		{subject: "to be rewritten", edit: image("v4")},
		{subject: "rewritten", edit: image("v5"), rewrite: true},
		{subject: "data", edit: func(f *files) { f.data = "more" }},
		{subject: "last", edit: func(f *files) { f.image, f.drop = "registry.local/agent:v6", false }},
	}
}

// story is what is pushed of everything, and when.
func story(random *rand.Rand) (chosen []commit) {
	all := everything()
	for i, c := range all {
		// One that is rewritten and the one that takes its place come together.
		if i < len(all)-1 && c.subject != "rewritten" && random.IntN(4) == 0 {
			continue
		}
		if c.rewrite && (len(chosen) == 0 || chosen[len(chosen)-1].subject != "to be rewritten") {
			continue
		}
		c.wait = random.IntN(3) > 0
		c.pause = time.Duration(random.IntN(3000)) * time.Millisecond
		chosen = append(chosen, c)
	}
	return chosen
}

// texts are the files by their names.
func (f *files) texts() map[string]string {
	texts := map[string]string{
		"README.md": "Agents.\n" + f.readme,
		"agent.yaml": fmt.Sprintf(`apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {terminationGracePeriodSeconds: 0, containers: [{name: agent, image: "%s"}]}
`, f.image),
		"keep.yaml": fmt.Sprintf(`apiVersion: v1
kind: ConfigMap
metadata: {name: keep}
data: {text: "some %s"}
`, f.data),
	}
	if f.drop {
		texts["drop.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: drop}\n"
	}
	return texts
}
