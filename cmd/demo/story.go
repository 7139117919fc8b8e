package main

import (
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// chapter is a piece of the story: what is pushed, and what must come of it.
type chapter struct {
	say string
	// push are the commits of this chapter, each pushed by itself.
	push []change
	// end is what every commit named must have come to before the next chapter begins.
	end []ending
	// gone is an object that must have been pruned then.
	gone string
}

// patience bounds how long each thing may take that a chapter waits for, on a machine that is busy with other things
// too.
const patience = 5 * time.Minute

// change is one commit.
type change struct {
	name, subject string
	// edit changes the files of the config repository.
	edit func(*files)
	// after is the state that the commit before must have reached first.
	after api.CommitState
}

// ending is what a commit comes to.
type ending struct {
	commit string
	state  api.CommitState
	// by is the commit whose state it takes over, and outcome that state.
	by      string
	outcome api.CommitState
	// cause must be named, and the message must say this.
	cause, says string
}

// story is what the demo shows and what the test of it holds.
func story() []chapter {
	return []chapter{
		{
			say:  "v1: the first commit rolls out to all 12 nodes.",
			push: []change{{name: "v1", subject: "Ship fluentd v1", edit: func(f *files) {}}},
			end:  []ending{{commit: "v1", state: api.Complete}},
		},
		{
			say: "v2; and while it rolls out, v3 and v4. v3 waits at the gate, and v4 carries it.",
			push: []change{
				{name: "v2", subject: "Ship fluentd v2", edit: image("registry.local/fluentd:v2")},
				{name: "v3", subject: "Ship fluentd v3", edit: image("registry.local/fluentd:v3"),
					after: api.RollingOut},
				{name: "v4", subject: "Ship fluentd v4", edit: image("registry.local/fluentd:v4"), after: api.Held},
			},
			end: []ending{
				{commit: "v2", state: api.Complete},
				{commit: "v3", state: api.Carried, by: "v4", outcome: api.Complete},
				{commit: "v4", state: api.Complete},
			},
		},
		{
			say:  "A typo in the image: stuck, with the image, the node and what to do.",
			push: []change{{name: "typo", subject: "Ship fluentd v5", edit: image("registry.local/fluentd:latset")}},
			end: []ending{{commit: "typo", state: api.Stuck, cause: "ImagePull",
				says: "registry.local/fluentd:latset"}},
		},
		{
			say:  "The fix passes the stuck gate at once.",
			push: []change{{name: "fix", subject: "Fix the tag", edit: image("registry.local/fluentd:v5")}},
			end:  []ending{{commit: "fix", state: api.Complete}},
		},
		{
			say: "An agent that exits half a second after its start, with minReadySeconds 0. kubectl would call " +
				"this rolled out.",
			push: []change{{name: "crash", subject: "Enable the new parser", edit: arguments("crash")}},
			end:  []ending{{commit: "crash", state: api.Stuck, cause: "CrashLoop", says: "exit code 3"}},
		},
		{
			say:  "The revert completes.",
			push: []change{{name: "revert", subject: `Revert "Enable the new parser"`, edit: arguments()}},
			end:  []ending{{commit: "revert", state: api.Complete}},
		},
		{
			say: "A commit that only touches a README changes nothing in the cluster.",
			push: []change{{name: "readme", subject: "Say who is on call",
				edit: func(f *files) { f.readme += "\nOn call: the platform team.\n" }}},
			end: []ending{{commit: "readme", state: api.Unchanged, by: "revert", outcome: api.Complete}},
		},
		{
			say:  "The DaemonSet is removed from Git, and then from the cluster.",
			push: []change{{name: "remove", subject: "Retire fluentd", edit: func(f *files) { f.daemonSet = false }}},
			end:  []ending{{commit: "remove", state: api.Complete}},
			gone: "DaemonSet logging/fluentd",
		},
	}
}

// again is what is pushed when the story is over, so that there is something to look at.
func again() change {
	return change{name: "again", subject: "Ship fluentd again", edit: func(f *files) { f.daemonSet = true }}
}

func image(name string) func(*files) { return func(f *files) { f.image = name } }

func arguments(args ...string) func(*files) { return func(f *files) { f.args = args } }
