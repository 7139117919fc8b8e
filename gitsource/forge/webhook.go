package forge

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// Generic is whoever signs a body as a webhook with X-Signature-256: the hexadecimal HMAC-SHA256, with or without
// sha256= before it.
const Generic Provider = "Generic"

// MaxWebhook is how many bytes a webhook may have: what GitHub sends at most.
const MaxWebhook = 25 << 20

// maxKept is how much of a body is kept until its sender is believed, and then looked into for the refs that moved. A
// larger one is taken to concern every ref.
const maxKept = 64 << 10

// copied is how much of a body is taken at a time: there are many bodies at once, and most of them are small.
const copied = 4 << 10

// Hook is what a webhook says that was sent by somebody who knows the secret.
type Hook struct {
	// Push is set if refs moved; other events are of no interest.
	Push bool
	// Refs that moved, in full; nil if that cannot be told.
	Refs []string
}

// Moves reports whether a hook says that a ref moved, or may have. A ref that ends in a slash stands for all below it,
// and an empty one for all.
func (h Hook) Moves(ref string) bool {
	if !h.Push || ref == "" || len(h.Refs) == 0 {
		return h.Push
	}
	for _, moved := range h.Refs {
		if moved == ref || strings.HasSuffix(ref, "/") && strings.HasPrefix(moved, ref) {
			return true
		}
	}
	return false
}

// signatures are the headers by which each provider proves that it knows the secret.
var signatures = []struct {
	provider Provider
	header   string
	prefix   string // before the hexadecimal HMAC
	token    bool   // the secret itself is sent
}{
	{GitHub, "X-Hub-Signature-256", "sha256=", false},
	{GitLab, "X-Gitlab-Token", "", true},
	{Gitea, "X-Gitea-Signature", "", false},
	{Gitea, "X-Forgejo-Signature", "", false},
	{BitbucketCloud, "X-Hub-Signature", "sha256=", false},
	{BitbucketDataCenter, "X-Hub-Signature", "sha256=", false},
	{Generic, "X-Signature-256", "", false},
}

// events are the headers that tell pushes from other events.
var events = []string{"X-GitHub-Event", "X-Gitea-Event", "X-Forgejo-Event", "X-Gitlab-Event", "X-Event-Key"}

// LooksSigned reports whether the headers of a webhook could prove to somebody, who knows a Sync's provider and secret,
// that its sender does. The body of anybody else need not be handed on.
func LooksSigned(h http.Header) bool {
	for _, s := range signatures {
		if s.token && h.Get(s.header) != "" {
			return true
		}
	}
	return MayProve(h, "", []byte("any"))
}

// HookHeaders are those headers of a webhook that are read.
func HookHeaders(h http.Header) http.Header {
	read := http.Header{}
	keep := func(name string) {
		if sent := h.Get(name); sent != "" {
			read.Set(name, sent)
		}
	}
	for _, s := range signatures {
		keep(s.header)
	}
	for _, name := range events {
		keep(name)
	}
	return read
}

// HookProviders are all whose webhooks are understood.
func HookProviders() []Provider {
	return []Provider{GitHub, GitLab, Gitea, BitbucketCloud, BitbucketDataCenter, Generic}
}

// MayProve reports whether the headers of a webhook hold what could prove that its sender knows the secret: the secret
// itself, or the 64 hexadecimal digits of an HMAC of the body. With a provider only that one's way counts. The body of
// anybody else need not be read.
func MayProve(h http.Header, p Provider, secret []byte) bool {
	return provenBy(h, p, secret, func([]byte) bool { return true })
}

// ReadHook reads a webhook, and reports whether its sender knows the secret. With a provider only that one's way of
// proving it counts. Nothing of the body is believed before, and nothing is read if no header can prove it. The body is
// read to its end, in pieces; errors are those of reading it, such as *http.MaxBytesError.
func ReadHook(h http.Header, body io.Reader, p Provider, secret []byte) (Hook, bool, error) {
	if !MayProve(h, p, secret) {
		return Hook{}, false, nil
	}
	mac := hmac.New(sha256.New, secret)
	var kept keeper
	if _, err := io.CopyBuffer(io.MultiWriter(mac, &kept), body, make([]byte, copied)); err != nil {
		return Hook{}, false, err
	}
	sum := mac.Sum(nil)
	if !provenBy(h, p, secret, func(given []byte) bool { return hmac.Equal(given, sum) }) {
		return Hook{}, false, nil
	}
	return understandHook(h, kept), true, nil
}

// provenBy reports whether a header holds the secret, or an HMAC that is right. It compares in constant time, whatever
// is compared.
func provenBy(h http.Header, p Provider, secret []byte, right func(given []byte) bool) bool {
	for _, s := range signatures {
		sent := h.Get(s.header)
		switch {
		case len(secret) == 0 || sent == "" || p != "" && p != s.provider:
		case s.token:
			if equal([]byte(sent), secret) {
				return true
			}
		default:
			given, err := hex.DecodeString(strings.TrimPrefix(sent, "sha256="))
			if err == nil && len(given) == sha256.Size && strings.HasPrefix(sent, s.prefix) && right(given) {
				return true
			}
		}
	}
	return false
}

// equal takes the same time for secrets of every length.
func equal(a, b []byte) bool {
	x, y := sha256.Sum256(a), sha256.Sum256(b)
	return hmac.Equal(x[:], y[:])
}

// keeper keeps the beginning of what is written to it.
type keeper struct {
	text []byte
	more bool
}

// Write keeps what there is room for.
func (k *keeper) Write(p []byte) (int, error) {
	room := maxKept - len(k.text)
	k.more = k.more || len(p) > room
	k.text = append(k.text, p[:min(len(p), room)]...)
	return len(p), nil
}

// understandHook tells pushes from other events, and which refs they moved.
func understandHook(h http.Header, body keeper) Hook {
	event := ""
	for _, header := range events {
		if event == "" {
			event = h.Get(header)
		}
	}
	switch event {
	case "push", "create", "delete", "Push Hook", "Tag Push Hook", "System Hook", "repo:push", "repo:refs_changed", "":
	default:
		return Hook{}
	}
	if body.more {
		return Hook{Push: true}
	}
	return Hook{Push: true, Refs: refsOf(body.text)}
}

// payload is what the bodies of pushes say of refs: GitHub, GitLab and Gitea one, Bitbucket Cloud a list of branches
// and tags by name and Bitbucket Data Center a list of refs.
type payload struct {
	Ref     string `json:"ref"`
	RefType string `json:"ref_type"`
	Push    struct {
		Changes []struct{ New, Old *change }
	} `json:"push"`
	Changes []struct {
		RefID string `json:"refId"`
	} `json:"changes"`
}

type change struct{ Type, Name string }

// refsOf are the refs that a body names, nil if it names none.
func refsOf(body []byte) []string {
	var p payload
	if json.Unmarshal(body, &p) != nil {
		return nil
	}
	var refs []string
	if p.Ref != "" {
		refs = append(refs, fullRef(p.RefType, p.Ref))
	}
	for _, c := range p.Push.Changes {
		for _, side := range []*change{c.New, c.Old} {
			if side != nil && side.Name != "" {
				refs = append(refs, fullRef(side.Type, side.Name))
			}
		}
	}
	for _, c := range p.Changes {
		if c.RefID != "" {
			refs = append(refs, c.RefID)
		}
	}
	return refs
}

func fullRef(kind, name string) string {
	switch {
	case strings.HasPrefix(name, "refs/"):
		return name
	case kind == "tag":
		return "refs/tags/" + name
	}
	return "refs/heads/" + name
}
