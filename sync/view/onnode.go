package view

import "github.com/daemongate/daemongate/rollout"

// OnNode is what each of the commit's DaemonSets has on one node, without those that are not meant for it.
func OnNode(s Seen, name string) []Node {
	var list []Node
	for i := range s.Judged {
		d := &s.Judged[i]
		var commits onNodes
		for n := range d.Judgement.Nodes.All() {
			if n.Name != name || n.State == rollout.IsNotEligible {
				continue
			}
			if commits.commit == nil {
				commits = commitsOn(d, &s.Sync.Status)
			}
			list = append(list, Node{Name: n.Name, State: n.State, Cause: n.Cause, Why: n.Why, Pod: n.Pod,
				DaemonSet: d.Target.Namespace + "/" + d.Target.Name, Commit: commits.of(n)})
		}
	}
	return list
}
