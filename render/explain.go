package render

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// explain is the error of a render: the reason that the reader kept, or else kustomize's, made fit to be shown.
func (r *reader) explain(folder string, err error) error {
	if reason := r.reason(); reason != nil {
		return reason
	}
	text := r.redact(tidy(err.Error()))
	if found := registered.FindStringSubmatch(text); found != nil {
		if places := r.index[found[1]]; len(places) > 0 {
			text = fmt.Sprintf("%s is there twice, in %s: %s", found[1], strings.Join(places, " and "), text)
		}
	}
	return fmt.Errorf("%s: %w", folder, errors.New(text))
}

var registered = regexp.MustCompile(`already registered id: (\S+)`)

// dumped are the places where kustomize prints whole objects and configurations into its errors. They are noise, and they
// can hold Secrets.

const longest = 1000 // bytes of kustomize's text

func tidy(text string) string {
	text = shorten(text)
	for _, d := range dumped {
		text = d.ReplaceAllString(text, "$1")
	}
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + " …"
	}
	return text
}

var dumped = []*regexp.Regexp{
	regexp.MustCompile("(?s)( with config): `.*?\n`"),
	regexp.MustCompile(`(?s)(\[patch): "(?:[^"\\]|\\.)*"`),
	regexp.MustCompile(`(?s)(empty item at \S+) in object .*`),
	regexp.MustCompile(`(?s)(must specify one of patch and path|patch and path can't be set at the same time).*`),
	regexp.MustCompile(`(?s)(Too many possible referral targets) to referrer:.*`),
}
