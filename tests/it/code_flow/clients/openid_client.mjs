// Signs in by `openid-client`, and prints the claims that the client then knows as a line of JSON.
// Inputs: ANTEROOM_URL, CLIENT_ID, CLIENT_SECRET (none for a public client), REDIRECT_URI, EMAIL
// and PASSWORD.

import { createHash, webcrypto } from 'node:crypto';
import { setDefaultResultOrder } from 'node:dns';
import { request } from 'node:http';
import * as oidc from 'openid-client';

const { ANTEROOM_URL, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, EMAIL, PASSWORD } = process.env;

// The server listens on 127.0.0.1, and `localhost` may be ::1 first.
setDefaultResultOrder('ipv4first');
// Node 18, which Debian 12 has, knows these by their module only.
globalThis.crypto ??= webcrypto;
globalThis.CryptoKey ??= webcrypto.CryptoKey;

// One line, where Node prints whole responses.
process.on('uncaughtException', (error) => {
    const { message, error_description: description, cause } = error;
    const parts = [message, description, cause?.message, cause?.status, cause?.url];
    console.error(parts.filter((part) => part !== undefined).join(': '));
    process.exit(1);
});

function check(holds, message) {
    if (!holds) throw new Error(message);
}

// A browser: keeps cookies, follows redirects and completes forms, up to a given address.
class Browser {
    cookies = new Map();

    // Not by `fetch`, which says in its headers that it is none.
    ask(url, form) {
        const headers = { accept: 'text/html', 'user-agent': 'Mozilla/5.0' };
        const cookies = [...this.cookies].map(([name, value]) => `${name}=${value}`);
        if (cookies.length > 0) headers.cookie = cookies.join('; ');
        if (form !== undefined) {
            headers['content-type'] = 'application/x-www-form-urlencoded';
            // Anteroom refuses forms of other sites.
            headers.origin = url.origin;
        }
        const method = form === undefined ? 'GET' : 'POST';
        return new Promise((resolve, reject) => {
            const sent = request(url, { method, headers, timeout: 30_000 }, async (answer) => {
                for (const line of answer.headers['set-cookie'] ?? []) {
                    const [, name, value] = line.match(/^([^=]*)=([^;]*)/);
                    this.cookies.set(name, value);
                }
                const chunks = await answer.setEncoding('utf8').toArray();
                const { statusCode: status, headers } = answer;
                resolve({ status, headers, text: chunks.join('') });
            });
            sent.on('timeout', () => sent.destroy(new Error(`no answer from ${url}`)));
            sent.on('error', reject).end(form);
        });
    }

    async follow(start, end, values) {
        let [url, form] = [new URL(start), undefined];
        for (let step = 0; step < 10; step += 1) {
            const { status, headers, text } = await this.ask(url, form);
            if (headers.location) {
                [url, form] = [new URL(headers.location, url), undefined];
                if (url.href.split('?')[0] === end) return url;
                continue;
            }
            const sent = status === 200 && completed(text, values);
            check(sent, `${url} is no page with a form: ${status} ${text}`);
            [url, form] = [new URL(sent.action, url), sent.fields.toString()];
        }
        throw new Error(`the sign-in did not come back to ${end}; it ended at ${url}`);
    }
}

// The first form that asks for one of these values, with its hidden fields and the values.
function completed(page, values) {
    for (const [, attributes, inside] of page.matchAll(/<form([^>]*)>(.*?)<\/form>/gs)) {
        const tags = inside.match(/<(?:input|button)[^>]*>/g) ?? [];
        const fields = new URLSearchParams();
        for (const tag of tags.filter((one) => attribute(one, 'type') === 'hidden')) {
            fields.set(attribute(tag, 'name'), attribute(tag, 'value') ?? '');
        }
        const names = tags.map((tag) => attribute(tag, 'name')).filter((name) => name in values);
        for (const name of names) fields.set(name, values[name]);
        if (names.length > 0) return { action: attribute(attributes, 'action') ?? '', fields };
    }
    return undefined;
}

function attribute(tag, name) {
    const text = tag.match(new RegExp(`\\s${name}="([^"]*)"`))?.[1];
    const plain = text?.replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(code));
    return plain?.replaceAll('&lt;', '<').replaceAll('&quot;', '"').replaceAll('&amp;', '&');
}

// There is no TLS here. The library verifies signatures of ID tokens only if it is told to.
const options = { execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks] };
const authentication = CLIENT_SECRET ? oidc.ClientSecretPost(CLIENT_SECRET) : oidc.None();
const config =
    await oidc.discovery(new URL(ANTEROOM_URL), CLIENT_ID, undefined, authentication, options);
check(config.serverMetadata().supportsPKCE(), 'the metadata does not name S256');

const verifier = oidc.randomPKCECodeVerifier();
const [state, nonce] = [oidc.randomState(), oidc.randomNonce()];
const start = oidc.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT_URI,
    scope: 'openid profile email',
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    max_age: '600',
});
const values = { email: EMAIL, password: PASSWORD, decision: 'allow' };
const callback = await new Browser().follow(start, REDIRECT_URI, values);

// Compares state, both `iss`, aud, nonce and auth_time, and verifies by the published keys.
const tokens = await oidc.authorizationCodeGrant(config, callback, {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
    maxAge: 600,
    idTokenExpected: true,
});
const claims = tokens.claims();
// The library leaves this one to its callers. The client is registered for ES256.
const half = createHash('sha256').update(tokens.access_token).digest().subarray(0, 16);
check(claims.at_hash === half.toString('base64url'), `at_hash is ${claims.at_hash}`);

// Compares `sub` with that of the ID token.
const user = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub);
check(user.email === claims.email, `userinfo has ${user.email}, the ID token ${claims.email}`);
console.log(JSON.stringify({ sub: user.sub, email: user.email, acr: claims.acr }));
