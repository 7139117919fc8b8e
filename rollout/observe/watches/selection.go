package watches

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
)

// Selection narrows a watch to the object of a name, or to those that a label selector matches. The zero Selection is
// all there is.
type Selection struct{ Name, Labels string }

// Apply has a list or a watch be narrowed so.
func (s Selection) Apply(o *metav1.ListOptions) {
	o.LabelSelector = s.Labels
	if s.Name != "" {
		o.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, s.Name).String()
	}
}

// label is one key with one value.
type label struct{ key, value string }

// selector is a Selection as it is applied here.
type selector struct {
	name   string          // empty: labels count
	labels labels.Selector // nil: the name counts
}

func parse(s Selection) (selector, error) {
	if s.Name != "" {
		return selector{name: s.Name}, nil
	}
	parsed, err := labels.Parse(s.Labels)
	return selector{labels: parsed}, err
}

func (s selector) matches(o metav1.Object) bool {
	if s.labels == nil {
		return s.name == o.GetName()
	}
	return s.labels.Matches(labels.Set(o.GetLabels()))
}

// required are the labels that everything has that it matches.
func (s selector) required() (required []label) {
	all, _ := s.labels.Requirements()
	for _, r := range all {
		if value, exact := s.labels.RequiresExactMatch(r.Key()); exact {
			required = append(required, label{r.Key(), value})
		}
	}
	return required
}
