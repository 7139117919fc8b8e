package gate_test

import (
	"strings"
	"testing"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// Of everything that is said of a flight and its rollback there is a part that everybody may be told, and nothing
// private in it (law 11): not why there is no way back, nor what is wrong with the commit that was gone back to.
func TestWhatIsSaidOfARollbackHasAPublicPart(t *testing.T) {
	back := strings.Repeat("1", 40)
	stuck := api.Message{Private: "CrashLoop on 3 nodes: s3cret", Public: "CrashLoop on 3 nodes"}
	for want, f := range map[string]api.Flight{
		"CrashLoop on 3 nodes": {State: api.Stuck, Message: stuck},
		"CrashLoop on 3 nodes; cannot be rolled back to 1111111": {State: api.Stuck, Message: stuck,
			NoRollback: &api.FailedCommit{Commit: back, Attempts: 1, Message: "s3cret"}},
		"CrashLoop on 3 nodes; not rolled back": {State: api.Stuck, Message: stuck,
			NoRollback: &api.FailedCommit{Attempts: 1, Message: "s3cret"}},
		"CrashLoop on 3 nodes; the rollback to 1111111 waits": {State: api.Stuck, Message: stuck,
			NoRollback: &api.FailedCommit{Commit: back, Message: "s3cret"}},
		"relapsed: CrashLoop on 3 nodes; not rolled back": {State: api.Complete, Message: api.ForAll("3 nodes"),
			Relapse: &api.Relapse{Message: stuck}, NoRollback: &api.FailedCommit{Attempts: 1, Message: "s3cret"}},
		"CrashLoop on 3 nodes; rolling back to 1111111": {Commit: back, State: api.RollingOut,
			Message:    api.Message{Private: "s3cret"},
			RollbackOf: &api.StuckCommit{Message: stuck}},
		"CrashLoop on 3 nodes; the rollback to 1111111 is stuck too": {Commit: back, State: api.Stuck,
			Message:    api.Message{Private: "s3cret", Public: "ImagePull"},
			RollbackOf: &api.StuckCommit{Message: stuck}},
		"CrashLoop on 3 nodes; rolled back to 1111111": {Commit: back, State: api.Complete,
			Message:    api.ForAll("3 nodes"),
			Relapse:    &api.Relapse{Message: api.Message{Private: "s3cret"}},
			RollbackOf: &api.StuckCommit{Message: stuck}},
	} {
		m := gate.MessageOf(&f)
		if string(m.Public) != want {
			t.Errorf("told is %q, want %q", m.Public, want)
		}
		if !strings.Contains(m.Private, "s3cret") {
			t.Errorf("with %q the whole is %q, which lacks a part", want, m.Private)
		}
	}
}
