package manifests

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const withheld = "the API server's words are withheld because they may hold the Secret's values"

// badKey is a field whose key is none: it may be a line of a file that somebody took for one of keys and values.
var badKey = regexp.MustCompile(`^(data|stringData)\[.*[^-._a-zA-Z0-9].*\]$`)

// withoutText keeps what an answer about a Secret may say: code, reason and the names of fields, never a value.
func withoutText(s metav1.Status) metav1.Status {
	bare := metav1.Status{Status: s.Status, Code: s.Code, Reason: s.Reason, Message: withheld}
	if s.Details == nil {
		return bare
	}
	bare.Details = &metav1.StatusDetails{Name: s.Details.Name, Group: s.Details.Group, Kind: s.Details.Kind,
		RetryAfterSeconds: s.Details.RetryAfterSeconds}
	var fields []string
	for _, c := range s.Details.Causes {
		message := ""
		if immutableText(c.Message) {
			message = "field is immutable"
		}
		field := badKey.ReplaceAllString(c.Field, "$1[…]")
		bare.Details.Causes = append(bare.Details.Causes, metav1.StatusCause{Type: c.Type, Field: field,
			Message: message})
		fields = append(fields, field)
	}
	if len(fields) > 0 {
		bare.Message = strings.Join(fields, ", ") + " (" + withheld + ")"
	}
	return bare
}

// explainSecret adds to a Secret's rejection what can be found wrong with it here, by the names of its keys alone.
func explainSecret(o *unstructured.Unstructured, err error) error {
	var rejected *Rejected
	if !isSecret(IDOf(o)) || !errors.As(err, &rejected) || rejected.Reason != ReasonInvalid {
		return err
	}
	faults := secretFaults(o)
	if len(faults) == 0 {
		return err
	}
	return &Rejected{rejected.Object, rejected.Reason, "is invalid: " + strings.Join(faults, ", ")}
}

func secretFaults(o *unstructured.Unstructured) []string {
	var faults []string
	for _, key := range slices.Sorted(maps.Keys(o.Object)) {
		switch key {
		case "apiVersion", "kind", "metadata", "type", "immutable":
		case "data", "stringData":
			faults = append(faults, dataFaults(key, o.Object[key])...)
		default:
			faults = append(faults, key+" is no field of a Secret")
		}
	}
	return faults
}

func dataFaults(field string, value any) []string {
	entries, ok := value.(map[string]any)
	if !ok && value != nil {
		return []string{field + " is not a map"}
	}
	var faults []string
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		text, ok := entries[key].(string)
		if !ok && entries[key] != nil {
			faults = append(faults, fmt.Sprintf("%s[%s] is not a string: put it in quotes", field, key))
		}
		if _, err := base64.StdEncoding.DecodeString(text); field == "data" && err != nil {
			faults = append(faults, fmt.Sprintf("%s[%s] is not base64: encode it or move it to stringData", field, key))
		}
	}
	return faults
}
