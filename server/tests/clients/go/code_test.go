package clients

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	webRedirect = "https://app.example.com/callback"
	// RFC 8252 7.3: any port of a registered loopback redirect; the test reads the address instead of listening.
	loopbackRedirect = "http://127.0.0.1:49999/callback"
)

// authorize sends the person to the server and returns the address where she comes back, and the verifier.
func authorize(t *testing.T, config *oauth2.Config, decision string, options ...oauth2.AuthCodeOption) (url.Values, string) {
	t.Helper()
	verifier, state := oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
	options = append(options, oauth2.S256ChallengeOption(verifier))
	answer := admin().decide(t, config.AuthCodeURL(state, options...), decision).Query()
	if answer.Get("state") != state {
		t.Fatalf("state is %q, want %q", answer.Get("state"), state)
	}
	if answer.Get("iss") != server.issuer { // RFC 9207
		t.Fatalf("iss is %q, want %q", answer.Get("iss"), server.issuer)
	}
	return answer, verifier
}

func TestCodeOfConfidentialClient(t *testing.T) {
	for name, style := range map[string]oauth2.AuthStyle{
		"auto": oauth2.AuthStyleAutoDetect, "basic": oauth2.AuthStyleInHeader, "post": oauth2.AuthStyleInParams,
	} {
		t.Run(name, func(t *testing.T) {
			ctx, provider := server.discover(t)
			config := server.confidential(t).config(provider, webRedirect, oidc.ScopeOpenID, "profile", "email")
			config.Endpoint.AuthStyle = style
			codeFlow(t, ctx, provider, config)
		})
	}
}

// A public client with x/oauth2's default sends a Basic header with an empty password first (deviation D12).
func TestCodeOfPublicClient(t *testing.T) {
	ctx, provider := server.discover(t)
	scopes := []string{oidc.ScopeOpenID, "profile", "email", oidc.ScopeOfflineAccess}
	codeFlow(t, ctx, provider, server.seeded(t).config(provider, loopbackRedirect, scopes...))
}

// redeem is the code flow up to the tokens; the second is the ID token as text.
func redeem(t *testing.T, ctx context.Context, config *oauth2.Config, more ...oauth2.AuthCodeOption) (*oauth2.Token, string) {
	t.Helper()
	answer, verifier := authorize(t, config, "approve", more...)
	token, err := config.Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		t.Fatal("no id_token")
	}
	return token, raw
}

func codeFlow(t *testing.T, ctx context.Context, provider *oidc.Provider, config *oauth2.Config) {
	nonce := oauth2.GenerateVerifier()
	token, raw := redeem(t, ctx, config, oidc.Nonce(nonce))
	// RS256 alone, go-oidc's own default, and OpenID Connect's.
	id, err := provider.Verifier(&oidc.Config{ClientID: config.ClientID, SupportedSigningAlgs: []string{oidc.RS256}}).Verify(ctx, raw)
	if err != nil {
		t.Fatal(err)
	}
	if id.Nonce != nonce {
		t.Fatalf("nonce is %q, want %q", id.Nonce, nonce)
	}
	if err := id.VerifyAccessToken(token.AccessToken); err != nil {
		t.Fatal(err)
	}

	// As a resource server would, against the default audience (deviation D29).
	access, err := provider.Verifier(&oidc.Config{ClientID: server.issuer}).Verify(ctx, token.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	info, err := provider.UserInfo(ctx, config.TokenSource(ctx, token))
	if err != nil {
		t.Fatal(err)
	}
	if id.Subject != access.Subject || id.Subject != info.Subject || info.Email != "admin@localhost" {
		t.Fatalf("subjects %q, %q, %q; e-mail %q", id.Subject, access.Subject, info.Subject, info.Email)
	}
	refresh(t, ctx, provider, config, token)
}

func refresh(t *testing.T, ctx context.Context, provider *oidc.Provider, config *oauth2.Config, token *oauth2.Token) {
	old := &oauth2.Token{RefreshToken: token.RefreshToken}
	next, err := config.TokenSource(ctx, old).Token()
	if err != nil {
		t.Fatal(err)
	}
	repeat, err := config.TokenSource(ctx, old).Token()
	if err != nil {
		t.Fatal(err)
	}
	if next.RefreshToken == token.RefreshToken || next.RefreshToken != repeat.RefreshToken {
		t.Fatal("the refresh token did not rotate, or a repeat within the retry window got another one")
	}
	revoke(t, config, next.RefreshToken)
	if _, err := config.TokenSource(ctx, old).Token(); code(err) != "invalid_grant" {
		t.Fatalf("refresh after revocation: %v", err)
	}
	if _, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(next)); err == nil {
		t.Fatal("an access token outlived the revocation of its grant")
	}
}

func TestRefusal(t *testing.T) {
	_, provider := server.discover(t)
	config := server.seeded(t).config(provider, loopbackRedirect, oidc.ScopeOpenID)
	answer, _ := authorize(t, config, "deny")
	if answer.Get("error") != "access_denied" || answer.Has("code") {
		t.Fatalf("answer is %v", answer)
	}
}

func TestCodeIsTakenOnceAndOnlyWithItsVerifier(t *testing.T) {
	ctx, provider := server.discover(t)
	config := server.seeded(t).config(provider, loopbackRedirect, oidc.ScopeOpenID)
	answer, verifier := authorize(t, config, "approve")
	exchange := func(verifier string) error {
		_, err := config.Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(verifier))
		return err
	}
	if err := exchange(oauth2.GenerateVerifier()); code(err) != "invalid_grant" {
		t.Fatalf("wrong verifier: %v", err)
	}
	if err := exchange(verifier); err != nil {
		t.Fatalf("right verifier after a wrong one: %v", err)
	}
	if err := exchange(verifier); code(err) != "invalid_grant" {
		t.Fatalf("second use: %v", err)
	}
}

// code is the OAuth error code of what x/oauth2 returned.
func code(err error) string {
	var answer *oauth2.RetrieveError
	if errors.As(err, &answer) {
		return answer.ErrorCode
	}
	return ""
}

// revoke is RFC 7009, which x/oauth2 leaves to the application.
func revoke(t *testing.T, config *oauth2.Config, token string) {
	t.Helper()
	if answer := post(t, "/oauth/revoke", config, token); answer.StatusCode != http.StatusOK {
		t.Fatalf("revocation: %s", answer.Status)
	}
}

// post sends a token to an endpoint, with the client's credentials in the form.
func post(t *testing.T, path string, config *oauth2.Config, token string) *http.Response {
	t.Helper()
	values := url.Values{"token": {token}, "client_id": {config.ClientID}}
	if config.ClientSecret != "" {
		values.Set("client_secret", config.ClientSecret)
	}
	response, err := (&http.Client{Transport: server.transport}).PostForm(server.issuer+path, values)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}
