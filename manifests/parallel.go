package manifests

import "golang.org/x/sync/errgroup"

// parallel is how many requests for one set are under way at a time. The API server's priority and fairness guards it.
const parallel = 16

// sideBySide does the same to each of some items, and returns what came of each and what went wrong with it, in their
// order.
func sideBySide[T, R any](items []T, do func(T) (R, error)) (results []R, problems []error) {
	results, problems = make([]R, len(items)), make([]error, len(items))
	var group errgroup.Group
	group.SetLimit(parallel)
	for i, item := range items {
		group.Go(func() error {
			results[i], problems[i] = do(item)
			return nil
		})
	}
	_ = group.Wait()
	return results, problems
}
