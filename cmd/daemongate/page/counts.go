package page

import (
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/cmd/daemongate/follow"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// withoutNodes is sight for a page that reads with the controller's rights: of a Sync that tells of no single node in
// the cluster nothing is judged anew, so that its status alone is shown, which has counts.
func withoutNodes(sight func(*rest.Config) (Sight, error)) func(*rest.Config) (Sight, error) {
	return func(config *rest.Config) (Sight, error) {
		s, err := sight(config)
		if err != nil {
			return s, err
		}
		begin := s.Follow
		s.Follow = func(one *api.Sync) (follow.Follower, error) {
			if one.Spec.Report.CountsOnly() {
				return nil, nil
			}
			return begin(one)
		}
		return s, nil
	}
}
