package render

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// explain is the error of a render: the reason that the reader kept, or else kustomize's, made fit to be shown.
func (r *reader) explain(folder string, err error) error {
	if reason := r.reason(); reason != nil {
		return reason
	}
	if text, ok := r.index.conflict(err.Error()); ok {
		return fmt.Errorf("%s: %w", folder, errors.New(text))
	}
	text := r.redact(tidy(err.Error()))
	if found := registered.FindStringSubmatch(text); found != nil {
		if places := r.index[found[1]]; len(places) > 1 {
			text = fmt.Sprintf("%s: is there twice: %s: remove or rename one", plainID(found[1]),
				strings.Join(places, " and "))
		} else if len(places) == 1 {
			text = fmt.Sprintf("%s: %s", places[0], text)
		}
	}
	if nameless.MatchString(text) {
		if places := withoutName(r.checked); places != "" {
			text = fmt.Sprintf("%s: has no metadata.name: add it: %s", places, text)
		}
	}
	if strings.Contains(text, "accumulated size increase of copy") {
		text = "a JSON patch: " + text + " bytes: copy less by it (op: copy), or write out what it shall come to"
	}
	return fmt.Errorf("%s: %w", folder, errors.New(text))
}

var registered = regexp.MustCompile(`already registered id: ([^\s']+)`)

// plainID is kustomize's "DaemonSet.v1.apps/fluentd.logging" as "DaemonSet logging/fluentd".
func plainID(id string) string {
	typ, object, _ := strings.Cut(id, "/")
	kind, _, _ := strings.Cut(typ, ".")
	name, namespace := object, ""
	if dot := strings.LastIndex(object, "."); dot >= 0 {
		name, namespace = object[:dot], object[dot+1:]
	}
	if strings.HasPrefix(namespace, "[") { // [noNs]
		return kind + " " + name
	}
	return kind + " " + namespace + "/" + name
}

const longest = 1000 // bytes of kustomize's text

func tidy(text string) string {
	text = tried.ReplaceAllString(shorten(unquoted(text)), "")
	for _, d := range dumped {
		text = d.ReplaceAllString(text, "$1$2")
	}
	text = address.ReplaceAllString(identified(text), "…")
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + " …"
	}
	return text
}

// quoted is what kustomize says of a component: the error within, as a Go string.
var quoted = regexp.MustCompile(`(accumulateDirectory: )("(?:[^"\\]|\\.)*")`)

// unquoted takes these quotes off, of components in components as well: nothing within is found otherwise.
func unquoted(text string) string {
	for range deepestTrial {
		next := quoted.ReplaceAllStringFunc(text, func(found string) string {
			parts := quoted.FindStringSubmatch(found)
			if plain, err := strconv.Unquote(parts[2]); err == nil {
				return parts[1] + plain
			}
			return found
		})
		if next == text {
			break
		}
		text = next
	}
	return text
}

// tried is what kustomize says of a folder that it first tried as a file.
var tried = regexp.MustCompile(`accumulation err='accumulating resources from '[^']*': read \S+: is a folder': `)

// address is one of the process's memory, which is another at each try.
var address = regexp.MustCompile(`\b0x[0-9a-f]{6,16}\b`)

// identity is how kustomize prints an object's identity as a value of Go.
var identity = regexp.MustCompile(`(?:\bid )?resid\.ResId\{Gvk:resid\.Gvk\{[^{}]*Kind:"([^"]*)"[^{}]*\}, ` +
	`Name:"([^"]*)", Namespace:"([^"]*)"\}`)

// identified names such objects as people do.
func identified(text string) string {
	return identity.ReplaceAllStringFunc(text, func(found string) string {
		parts := identity.FindStringSubmatch(found)
		return parts[1] + " " + path.Join(parts[3], parts[2])
	})
}

// dumped are the places where kustomize prints whole objects and configurations into its errors. They are noise, and
// they can hold Secrets.
var dumped = []*regexp.Regexp{
	regexp.MustCompile("(?s)( with config): `.*?\n`"),
	regexp.MustCompile(`(?s)(nodes unequal):.*`),
	regexp.MustCompile(`(?s)line \[[\d ]*\] (has invalid utf8 bytes).*`),
	regexp.MustCompile(`(?s)(\[patch): "(?:[^"\\]|\\.)*"`),
	regexp.MustCompile(`(?s)(empty item at \S+) in object .*`),
	regexp.MustCompile(`(?s)(must specify one of patch and path|patch and path can't be set at the same time).*`),
	regexp.MustCompile(`(?s)( generator) &\{.*?\}(: )`),
	regexp.MustCompile(`(?s)(found multiple objects )\[.*\] (that could accept merge of)`),
	regexp.MustCompile(`(?s)(Too many possible referral targets) to referrer:.*`),
}
