// A person with a browser that knows only what every browser knows: redirects, cookies, and forms as they are in the HTML.
import assert from 'node:assert/strict';
import { parse } from 'parse5';

export class Person {
  #cookies = new Map();

  constructor(origin, account) {
    this.origin = origin;
    this.account = account;
  }

  /** Opens an address, signs in and decides if asked to, and tells where that leads. */
  async decide(address, decision) {
    const page = await this.signIn(address);
    const remembered = page instanceof URL && decision === 'approve';
    return remembered ? page : this.press(page, 'action', decision);
  }

  /** Opens an address of the server; if it wants to know who this is, says so. */
  async signIn(address) {
    const page = await this.go(new URL(address));
    const login = page.forms?.find((form) => form.has('password'));
    return login ? this.submit(login, this.account) : page;
  }

  /** Presses the button with this name and value. */
  press(page, name, value) {
    const is = (button) => button.name === name && button.value === value;
    const form = page.forms?.find(({ buttons }) => buttons.some(is));
    assert.ok(form, `no button ${name}=${value} at ${page.url ?? page}:\n${page.text}`);
    return this.submit(form, { [name]: value });
  }

  /** Fills a form in and sends it. */
  submit(form, values) {
    const body = new URLSearchParams(form.fields);
    for (const [name, value] of Object.entries(values)) body.set(name, value);
    if (form.method === 'post') return this.go(form.action, { method: 'POST', body });
    return this.go(Object.assign(form.action, { search: body }));
  }

  /** A page of the server, or the address outside it that the browser is sent to. */
  async go(url, init = {}) {
    // Login, interaction and consent take fewer; a loop would take them all.
    for (let redirects = 0; redirects < 10; redirects++) {
      const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const headers = { cookie, ...(init.body && { origin: this.origin }) };
      const response = await fetch(url, { ...init, headers, redirect: 'manual' });
      this.#keep(response.headers.getSetCookie());
      if (response.status < 300 || response.status > 399) return page(url, response);
      url = new URL(response.headers.get('location'), url);
      init = {};
      if (url.origin !== this.origin) return url;
    }
    assert.fail(`redirected ten times, at last to ${url}`);
  }

  #keep(lines) {
    for (const line of lines) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (/;\s*max-age=0/i.test(line)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
  }
}

async function page(url, response) {
  const text = await response.text();
  const forms = [...elements(parse(text), 'form')].map((form) => read(form, url));
  return { url, status: response.status, text, forms };
}

/** What would be sent if nobody touched the form, and what may be pressed. */
function read(element, base) {
  const { action = '', method = 'get' } = attributes(element);
  const inputs = [...elements(element, 'input')].map(attributes);
  const untouched = ({ type, checked }) => !['checkbox', 'radio', 'submit'].includes(type) || checked !== undefined;
  return {
    action: new URL(action, base),
    method: method.toLowerCase(),
    fields: inputs.filter(untouched).map(({ name, value = '' }) => [name, value]),
    buttons: [...elements(element, 'button')].map(attributes),
    has: (name) => inputs.some((input) => input.name === name),
  };
}

function* elements(node, tag) {
  for (const child of node.childNodes ?? []) {
    if (child.tagName === tag) yield child;
    yield* elements(child, tag);
  }
}

function attributes(element) {
  return Object.fromEntries(element.attrs.map(({ name, value }) => [name, value]));
}
