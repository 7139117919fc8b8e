package forge

import "context"

// bearer has the token of one round of requests.
type bearer struct {
	host    *Host
	token   Token
	renewed bool
}

// renew asks for the token once more, and reports whether it is another one now.
func (b *bearer) renew(ctx context.Context) bool {
	if b.renewed {
		return false
	}
	b.renewed = true
	if b.host.refused != nil {
		b.host.refused(ctx, b.token)
	}
	token, err := b.host.tokens(ctx)
	if err != nil || token == b.token {
		return false
	}
	b.token = token
	return true
}
