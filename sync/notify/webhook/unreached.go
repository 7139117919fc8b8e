package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// maxPause bounds how long a receiver can ask to be left alone.
const maxPause = time.Hour

// pauseOf is how long a receiver asks to be left alone: Retry-After in seconds or as a date (RFC 9110, §10.2.3).
func pauseOf(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(v); err == nil {
		return max(0, min(time.Duration(min(seconds, 1e6))*time.Second, maxPause))
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, min(at.Sub(now), maxPause))
	}
	return 0
}

// unreached says why a receiver could not be reached. What it, or a proxy, has answered is not repeated: it has seen
// the URL and the token. Nor are the ports of this side, so that the same trouble is told in the same words.
func unreached(err error) error {
	var name *net.DNSError
	var operation *net.OpError
	var refused *tls.CertificateVerificationError
	var header tls.RecordHeaderError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		return fmt.Errorf("there is no host %s", name.Name)
	case errors.As(err, &name):
		return fmt.Errorf("the host %s cannot be looked up", name.Name)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("it has not answered within %v", requestTimeout)
	case errors.As(err, &refused):
		return refused
	case errors.As(err, &authority):
		return authority
	case errors.As(err, &header):
		return errors.New("it does not speak TLS")
	case errors.As(err, &operation) && operation.Op == "dial":
		return operation
	case errors.As(err, &operation) && operation.Err != nil:
		return operation.Err
	}
	return errors.New("the connection broke, or what answers does not speak HTTP")
}
