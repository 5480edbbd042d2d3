"""Signs a run of Schemathesis in, and keeps it useful: a run ends its own session again and again.

The run is of `ANTEROOM_ROLE`: nobody, user or administrator. `ANTEROOM_URL` is the server,
`ANTEROOM_PROGRAM` its program, and this runs in its folder. Operations that succeed are written to
`ANTEROOM_SUCCEEDED`.
"""

import functools
import itertools
import os
import subprocess
import threading

import requests
import schemathesis

URL = os.environ["ANTEROOM_URL"]
ROLE = os.environ["ANTEROOM_ROLE"]
# Of the program, as of the server.
ENVIRONMENT = {"TEST_CHEAP_HASHES": "1"}
COOKIE = "anteroom"
PASSWORD = "walnut ferry under a quiet lantern"
STREAMS = ("/api/session/events", "/api/admin/revocations")
# How long a stream may tell what happens before its session ends, in seconds.
STREAM_LASTS = 0.2

numbers = itertools.count(1)
http = requests.Session()
http.cookies.set_policy(requests.cookies.cookielib.DefaultCookiePolicy(allowed_domains=[]))


def new_email():
    return f"person{next(numbers)}@{ROLE}.example.org"


def ask(method, path, token=None, **fields):
    headers = {"Cookie": f"{COOKIE}={token}"} if token else {}
    return http.request(method, URL + path, headers=headers, timeout=60, **fields)


class Person:
    """An account, and the token of its session."""

    def __init__(self, role="user"):
        self.email = new_email()
        # As long as the server refuses to let them in.
        self.token = self.user = None
        if role == "administrator":
            command = [os.environ["ANTEROOM_PROGRAM"], "user", "add", "--admin", "--password-stdin"]
            subprocess.run([*command, self.email], input=PASSWORD, text=True, env=ENVIRONMENT, check=True,
                           stdout=subprocess.DEVNULL)
            self.sign_in()
        else:
            self.enter("/api/signup")

    def enter(self, path):
        answer = ask("POST", path, json={"email": self.email, "password": PASSWORD})
        if not answer.ok:
            return None
        self.token = answer.cookies[COOKIE]
        self.user = answer.json()["user"]["id"]
        return answer.json()["session"]["id"]

    def sign_in(self):
        """Starts another session and gives its id, if the account still lets anybody in."""
        return self.enter("/api/session")

    def is_signed_in(self):
        answer = ask("GET", "/api/session", self.token)
        wanted = "admin" if ROLE == "administrator" else "user"
        return answer.ok and answer.json()["user"]["role"] == wanted


# The person whom the run is signed in as. With nobody, somebody who has an account.
person = None


def somebody():
    global person
    if person is None and ROLE == "administrator":
        # The last one could not leave.
        Person(ROLE)
    if person is None or not (person.is_signed_in() or person.sign_in() and person.is_signed_in()):
        person = Person(ROLE)
    return person


if ROLE != "nobody":

    @schemathesis.auth(refresh_interval=None)
    class Session:
        def get(self, case, context):
            return somebody().token

        def set(self, case, token, context):
            case.cookies = {**(case.cookies or {}), COOKIE: token}


def new_client():
    return {"name": f"client {next(numbers)}", "audiences": [], "scopes": [], "algorithm": "ES256"}


@functools.cache
def client_fields():
    """The form of a client that asks about a token."""
    answer = ask("POST", "/api/admin/clients", person.token, json=new_client()).json()
    return {"token": "x", "client_id": answer["client"]["client_id"], "client_secret": answer["client_secret"]}


def real_id(path):
    """The id of an account, a client or a session that exists, unless too many were made."""
    if path.startswith("/api/admin/users/"):
        return Person().user
    if path.startswith("/api/admin/clients/"):
        answer = ask("POST", "/api/admin/clients", person and person.token, json=new_client())
        return answer.json()["client"]["client_id"] if answer.ok else None
    if path.startswith("/api/admin/sessions/") or person is None:
        return Person().sign_in()
    token = person.token
    session = person.sign_in()
    person.token = token
    return session


def real_fields(operation):
    """Passwords that are right, and addresses that are free."""
    if operation.startswith("POST /oauth/") and ROLE == "administrator":
        return client_fields()
    known = {"email": person.email, "password": PASSWORD} if person else {}
    return {
        "POST /api/session": known,
        "POST /api/session/reauthenticate": {"password": PASSWORD},
        "PUT /api/account/password": {"current_password": PASSWORD, "new_password": PASSWORD},
        "POST /api/signup": {"email": new_email(), "password": PASSWORD},
        "POST /api/admin/users": {"email": new_email()},
        "POST /api/admin/clients": new_client(),
    }.get(operation, {})


turns = {}
# What ends the session of each stream that is open.
ends = {}


@schemathesis.hook
def before_call(context, case, kwargs):
    """Every other valid request gets values of this server: random ones only meet errors."""
    is_valid = case.meta is not None and case.meta.generation.mode.is_positive
    turn = turns.setdefault(case.operation.label, itertools.count())
    if is_valid and next(turn) % 2 == 0:
        if "id" in case.path_parameters:
            known = real_id(case.operation.path)
            case.path_parameters["id"] = known or case.path_parameters["id"]
        if isinstance(case.body, dict):
            case.body = {**case.body, **real_fields(case.operation.label)}
    token = (case.cookies or {}).get(COOKIE)
    if token and case.operation.path in STREAMS:
        # It has no end of its own.
        ends[case.id] = threading.Timer(STREAM_LASTS, requests.delete, [URL + "/api/session"],
                                        {"cookies": {COOKIE: token}, "timeout": 60})
        ends[case.id].start()


@schemathesis.hook
def after_call(context, case, response):
    """Goes on with the token that the run is given."""
    if case.id in ends:
        ends.pop(case.id).cancel()
    for cookie in response.headers.get("set-cookie", []):
        token = cookie.removeprefix(f"{COOKIE}=").partition(";")[0]
        if token and person and ROLE != "nobody" and cookie.startswith(f"{COOKIE}="):
            person.token = token
    if response.status_code < 400:
        with open(os.environ["ANTEROOM_SUCCEEDED"], "a") as file:
            file.write(case.operation.label + "\n")
