"""Signs in by Authlib, and prints the claims that the client then knows as one line of JSON.

Inputs: ANTEROOM_URL, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, EMAIL and PASSWORD.
"""

import json
import os
import sys
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet

TIMEOUT = 30


class Form(HTMLParser):
    """The first form of a page that asks for one of these values, completed."""

    def __init__(self, page, values):
        super().__init__()
        self.values, self.action, self.fields = values, None, {}
        self.is_inside, self.is_found = False, False
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        name = attributes.get("name")
        if tag == "form" and not self.is_found:
            self.action, self.fields, self.is_inside = attributes.get("action", ""), {}, True
        elif self.is_inside and tag in ("input", "button"):
            if name in self.values:
                self.fields[name], self.is_found = self.values[name], True
            elif attributes.get("type") == "hidden":
                self.fields[name] = attributes.get("value", "")

    def handle_endtag(self, tag):
        if tag == "form":
            self.is_inside = False


def browse(start, end, values):
    """Follows redirects and completes forms as a browser does, up to a given address."""
    browser = requests.Session()
    # Proxies of the environment are not for servers of this machine.
    browser.trust_env = False
    url, sent = start, None
    for _ in range(10):
        if sent is None:
            answer = browser.get(url, allow_redirects=False, timeout=TIMEOUT)
        else:
            # Browsers name the page that a form is from. Anteroom refuses forms of other sites.
            parts = urlsplit(url)
            headers = {"Origin": f"{parts.scheme}://{parts.netloc}"}
            answer = browser.post(
                url, data=sent, headers=headers, allow_redirects=False, timeout=TIMEOUT
            )
        if "Location" in answer.headers:
            url, sent = urljoin(url, answer.headers["Location"]), None
            if url.split("?")[0] == end:
                return url
            continue
        form = Form(answer.text, values)
        if answer.status_code != 200 or not form.is_found:
            sys.exit(f"{url} is no page with a form: {answer.status_code} {answer.text}")
        url, sent = urljoin(url, form.action), form.fields
    sys.exit(f"the sign-in did not come back to {end}; it ended at {url}")


def verified(token, metadata, client, nonce):
    """The claims of the ID token, or an error of the library."""
    keys = client.get(metadata["jwks_uri"], withhold_token=True).json()
    decoded = jwt.decode(token["id_token"], KeySet.import_key_set(keys), algorithms=["ES256"])
    options = {
        "iss": {"essential": True, "value": metadata["issuer"]},
        "aud": {"essential": True, "value": client.client_id},
        "at_hash": {"essential": True},
    }
    params = {
        "client_id": client.client_id,
        "nonce": nonce,
        "access_token": token["access_token"],
        "max_age": 600,
    }
    claims = CodeIDToken(decoded.claims, decoded.header, options, params)
    claims.validate()
    return claims


def main():
    issuer, redirect_uri = os.environ["ANTEROOM_URL"], os.environ["REDIRECT_URI"]
    client = OAuth2Session(
        os.environ["CLIENT_ID"],
        os.environ["CLIENT_SECRET"],
        token_endpoint_auth_method="client_secret_basic",
        scope="openid profile email",
        redirect_uri=redirect_uri,
        code_challenge_method="S256",
        default_timeout=TIMEOUT,
    )
    client.trust_env = False
    discovery = f"{issuer}/.well-known/openid-configuration"
    metadata = client.get(discovery, withhold_token=True).json()
    if metadata["issuer"] != issuer:
        sys.exit(f"the metadata of {issuer} names the issuer {metadata['issuer']}")

    verifier, nonce = generate_token(48), generate_token()
    start, state = client.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce, max_age=600
    )
    values = {
        "email": os.environ["EMAIL"],
        "password": os.environ["PASSWORD"],
        "decision": "allow",
    }
    callback = browse(start, redirect_uri, values)
    answer = parse_qs(urlsplit(callback).query)
    # RFC 9207. The session of the library does not compare it.
    if "error" in answer or answer.get("iss") != [issuer]:
        sys.exit(f"the answer is an error, or from another server: {answer}")

    token = client.fetch_token(
        metadata["token_endpoint"],
        authorization_response=callback,
        state=state,
        code_verifier=verifier,
    )
    claims = verified(token, metadata, client, nonce)

    answer = client.get(metadata["userinfo_endpoint"])
    answer.raise_for_status()
    user = answer.json()
    if (user["sub"], user["email"]) != (claims["sub"], claims["email"]):
        sys.exit(f"userinfo has {user}, the ID token {claims}")
    print(json.dumps({"sub": user["sub"], "email": user["email"], "acr": claims["acr"]}))


main()
