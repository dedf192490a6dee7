package clients

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/html"
)

// person signs in and decides with what every browser has: redirects, cookies, and forms as they are in the HTML.
type person struct {
	browser *http.Client
	origin  *url.URL
	account url.Values
}

// admin is one person for all tests, so that she signs in once, as people do.
var admin = sync.OnceValue(func() *person {
	origin, err := url.Parse(server.issuer)
	if err != nil {
		panic(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err)
	}
	browser := &http.Client{Transport: server.transport, Jar: jar}
	browser.CheckRedirect = func(next *http.Request, _ []*http.Request) error {
		if next.URL.Host != origin.Host {
			return http.ErrUseLastResponse
		}
		return nil
	}
	account := url.Values{"username": {"admin"}, "password": {server.password}}
	return &person{browser: browser, origin: origin, account: account}
})

// form is a form with the values it has when nobody touched it.
type form struct {
	action  *url.URL
	fields  url.Values
	buttons map[string]string // name to values, each between spaces
}

// page is a page of the server, or the address outside it where the browser was sent.
type page struct {
	url   *url.URL
	forms []form
}

// decide opens an address, signs in and presses the button action=decision, both if asked to.
func (p *person) decide(t *testing.T, address, decision string) *url.URL {
	t.Helper()
	shown := p.open(t, address)
	for _, form := range shown.forms {
		if form.fields.Has("password") {
			shown = p.submit(t, form, p.account)
		}
	}
	for _, form := range shown.forms {
		if strings.Contains(form.buttons["action"], " "+decision+" ") {
			return p.submit(t, form, url.Values{"action": {decision}}).url
		}
	}
	if decision == "approve" && shown.url.Host != p.origin.Host {
		return shown.url // she had agreed before
	}
	t.Fatalf("no button to %s at %s", decision, shown.url)
	return nil
}

func (p *person) open(t *testing.T, address string) page {
	t.Helper()
	response, err := p.browser.Get(address)
	return read(t, response, err)
}

func (p *person) submit(t *testing.T, form form, values url.Values) page {
	t.Helper()
	for name, value := range values {
		form.fields[name] = value
	}
	request, err := http.NewRequest(http.MethodPost, form.action.String(), strings.NewReader(form.fields.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", p.origin.String())
	response, err := p.browser.Do(request)
	return read(t, response, err)
}

func read(t *testing.T, response *http.Response, err error) page {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if outside, err := response.Location(); err == nil {
		return page{url: outside}
	}
	document, err := html.Parse(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	shown := page{url: response.Request.URL}
	for element := range document.Descendants() {
		if element.Data != "form" || element.Type != html.ElementNode {
			continue
		}
		action, err := shown.url.Parse(attribute(element, "action"))
		if err != nil {
			t.Fatal(err)
		}
		form := form{action: action, fields: url.Values{}, buttons: map[string]string{}}
		for control := range element.Descendants() {
			name, value := attribute(control, "name"), attribute(control, "value")
			switch {
			case control.Data == "input" && attribute(control, "type") != "checkbox":
				form.fields.Add(name, value)
			case control.Data == "button":
				form.buttons[name] += " " + value + " "
			}
		}
		shown.forms = append(shown.forms, form)
	}
	return shown
}

func attribute(element *html.Node, name string) string {
	for _, attribute := range element.Attr {
		if attribute.Key == name {
			return attribute.Val
		}
	}
	return ""
}
