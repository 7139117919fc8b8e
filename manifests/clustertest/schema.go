package clustertest

// WithoutRules takes the rules out of a schema: so it was before it knew of them.
func WithoutRules(schema any) {
	switch s := schema.(type) {
	case map[string]any:
		delete(s, "x-kubernetes-validations")
		for _, one := range s {
			WithoutRules(one)
		}
	case []any:
		for _, one := range s {
			WithoutRules(one)
		}
	}
}
