package clients

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// A command beside the server takes effect within a second; a busy machine gets more.
const rotateWithin = 20 * time.Second

// A verifier that has the old keys in its memory learns the new one by itself, and a new verifier does not take the old.
func TestVerificationAcrossARotation(t *testing.T) {
	for _, algorithm := range []string{oidc.RS256, oidc.ES256} {
		t.Run(algorithm, func(t *testing.T) {
			ctx, provider := server.discover(t)
			config := server.confidential(t, "--id-token-alg", algorithm).config(provider, webRedirect, oidc.ScopeOpenID)
			expected := &oidc.Config{ClientID: config.ClientID, SupportedSigningAlgs: []string{algorithm}}
			verifier := provider.Verifier(expected)
			old := idToken(t, ctx, config)
			if _, err := verifier.Verify(ctx, old); err != nil {
				t.Fatal(err)
			}

			before := publishedKeys(t, provider)
			var rotated any
			server.command(t, &rotated, "key", "rotate", "--compromised", "--algorithm", algorithm)
			for end := time.Now().Add(rotateWithin); publishedKeys(t, provider) == before; {
				if time.Now().After(end) {
					t.Fatalf("the same keys %v after the rotation", rotateWithin)
				}
			}
			if _, err := verifier.Verify(ctx, idToken(t, ctx, config)); err != nil {
				t.Fatalf("signed after the rotation: %v", err)
			}
			ctx, provider = server.discover(t)
			if _, err := provider.Verifier(expected).Verify(ctx, old); err == nil {
				t.Fatal("a new verifier takes what the compromised key signed")
			}
		})
	}
}

func idToken(t *testing.T, ctx context.Context, config *oauth2.Config) string {
	t.Helper()
	_, raw := redeem(t, ctx, config)
	return raw
}

// publishedKeys is the JWKS as text.
func publishedKeys(t *testing.T, provider *oidc.Provider) string {
	t.Helper()
	var metadata struct {
		Address string `json:"jwks_uri"`
	}
	if err := provider.Claims(&metadata); err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: server.transport}).Get(metadata.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var keys json.RawMessage
	if err := json.NewDecoder(response.Body).Decode(&keys); err != nil {
		t.Fatal(err)
	}
	return string(keys)
}
