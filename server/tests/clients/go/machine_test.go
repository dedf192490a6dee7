package clients

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

func TestClientCredentials(t *testing.T) {
	ctx, provider := server.discover(t)
	for name, style := range map[string]oauth2.AuthStyle{
		"auto": oauth2.AuthStyleAutoDetect, "basic": oauth2.AuthStyleInHeader, "post": oauth2.AuthStyleInParams,
	} {
		t.Run(name, func(t *testing.T) { machine(t, ctx, provider, style) })
	}
}

func machine(t *testing.T, ctx context.Context, provider *oidc.Provider, style oauth2.AuthStyle) {
	client := server.confidential(t)
	config := &clientcredentials.Config{
		ClientID:     client.ID,
		ClientSecret: client.Secret,
		TokenURL:     provider.Endpoint().TokenURL,
		Scopes:       []string{"orders:read"},
		AuthStyle:    style,
	}
	token, err := config.Token(ctx)
	if err != nil {
		t.Fatal(err)
	}
	access, err := provider.Verifier(&oidc.Config{ClientID: server.issuer}).Verify(ctx, token.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	if access.Subject != "client:"+client.ID || token.RefreshToken != "" {
		t.Fatalf("subject %q, refresh token %q", access.Subject, token.RefreshToken)
	}
	itself := client.config(provider, "")
	if !active(t, itself, token.AccessToken) {
		t.Fatal("introspection says a new token is not active")
	}
	revoke(t, itself, token.AccessToken)
	if active(t, itself, token.AccessToken) {
		t.Fatal("introspection says a revoked token is active")
	}
	config.ClientSecret = "wrong"
	if _, err := config.Token(ctx); code(err) != "invalid_client" {
		t.Fatalf("with a wrong secret: %v", err)
	}
}

// active is RFC 7662, which x/oauth2 leaves to the resource server.
func active(t *testing.T, config *oauth2.Config, token string) bool {
	t.Helper()
	var answer struct {
		Active bool `json:"active"`
	}
	if err := json.NewDecoder(post(t, "/oauth/introspect", config, token).Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return answer.Active
}
