// Package apptest plays the part of GitHub that gives tokens to Apps, as strictly as the real one documents it.
package apptest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Server answers POST /api/v3/app/installations/{number}/access_tokens. Set its fields before it is used.
type Server struct {
	ID, Installation string
	Life             time.Duration // of a token; an hour on github.com
	// Answer, if set, answers in the server's place.
	Answer http.HandlerFunc

	key *rsa.PrivateKey

	mu     sync.Mutex
	given  []string
	claims []string
	asked  []string
}

// New returns a server that knows one App, and the App's private key in PEM.
func New(id, installation string) (*Server, string, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, "", err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	return &Server{ID: id, Installation: installation, Life: time.Hour, key: key}, string(text), nil
}

// Given are the tokens that were given out, in order, and Claims the JWTs that were shown.
func (s *Server) Given() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.given...)
}

// Asked are the requests for tokens that were granted, as they were sent.
func (s *Server) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.asked...)
}

// Claims are the JWTs that were shown, in order.
func (s *Server) Claims() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.claims...)
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	claim, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	s.claims = append(s.claims, claim)
	s.mu.Unlock()
	if s.Answer != nil {
		s.Answer(w, r)
		return
	}
	number, ours := strings.CutPrefix(r.URL.Path, "/api/v3/app/installations/")
	number, ours2 := strings.CutSuffix(number, "/access_tokens")
	switch {
	case !ours || !ours2 || r.Method != http.MethodPost:
		say(w, http.StatusNotFound, "Not Found")
	case r.Header.Get("User-Agent") == "":
		say(w, http.StatusForbidden, "Request forbidden by administrative rules. Please make sure your request has a "+
			"User-Agent header.")
	case r.Header.Get("Accept") != "application/vnd.github+json":
		say(w, http.StatusUnsupportedMediaType, "Unsupported 'Accept' header")
	case !bearer:
		say(w, http.StatusUnauthorized, "A JSON web token could not be decoded")
	case s.check(claim) != "":
		say(w, http.StatusUnauthorized, s.check(claim))
	case number != s.Installation:
		say(w, http.StatusNotFound, "Integration not found")
	default:
		body, _ := io.ReadAll(r.Body)
		s.give(w, string(body))
	}
}

// check says what GitHub would say of a JWT that it does not take.
func (s *Server) check(claim string) string {
	var claims jwt.RegisteredClaims
	_, err := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired(), jwt.WithIssuedAt()).
		ParseWithClaims(claim, &claims, func(*jwt.Token) (any, error) { return &s.key.PublicKey, nil })
	switch {
	case err != nil:
		return "A JSON web token could not be decoded: " + claim
	case claims.IssuedAt == nil:
		return "Missing 'issued at' claim ('iat') in assertion"
	case time.Until(claims.ExpiresAt.Time) > 10*time.Minute:
		return "'Expiration time' claim ('exp') is too far in the future"
	case claims.Issuer != s.ID:
		return "'Issuer' claim ('iss') must be an Integer"
	}
	return ""
}

func (s *Server) give(w http.ResponseWriter, asked string) {
	s.mu.Lock()
	token := fmt.Sprintf("ghs_%d_s3cr3t", len(s.given))
	s.given = append(s.given, token)
	s.asked = append(s.asked, asked)
	s.mu.Unlock()
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"token": token, "expires_at": time.Now().Add(s.Life).UTC().Format(time.RFC3339),
		"permissions": map[string]string{"contents": "read"},
	})
}

func say(w http.ResponseWriter, status int, message string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message,
		"documentation_url": "https://docs.github.com/rest"})
}
