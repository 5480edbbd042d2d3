// Passkeys: asks the browser for one and sends what it returns by the form around the button. Its
// buttons are shown only where the browser has passkeys.
"use strict";
{
  const all = (selector) => document.querySelectorAll(selector);
  const api = window.PublicKeyCredential;
  const isKnown = api?.parseRequestOptionsFromJSON && api.parseCreationOptionsFromJSON && api.prototype.toJSON;

  // Shorter than a challenge lives.
  const FRESH = 4 * 60_000;

  let waiting = new AbortController();

  async function ask(path, question) {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(question) });
    const body = await answer.json().catch(() => ({}));
    if (answer.ok) return body;
    throw Object.assign(new Error(body.code), { code: body.code, status: answer.status });
  }

  // The page for signing in takes the passkey of anybody.
  async function get(form, more) {
    const question = "passkeyOffer" in form.dataset ? { sign_in: true } : {};
    const options = api.parseRequestOptionsFromJSON(await ask("/api/session/passkey/options", question));
    return navigator.credentials.get({ publicKey: options, ...more });
  }

  async function create() {
    const options = api.parseCreationOptionsFromJSON(await ask("/api/account/passkeys/options", {}));
    return navigator.credentials.create({ publicKey: options });
  }

  function send(form, credential) {
    const ticked = document.getElementById("remember_me")?.checked;
    if (form.elements.remember_me) form.elements.remember_me.disabled = !ticked;
    form.elements.credential.value = JSON.stringify(credential);
    form.requestSubmit();
  }

  function fail(form, error) {
    const told = form.querySelector("[role=status]");
    if (error.code === "reauthentication_required") {
      location.assign(`/reauthenticate?next=${encodeURIComponent(location.pathname)}`);
      return;
    }
    if (error.status === 401) {
      location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
      return;
    }
    if (told.dataset[error.code]) {
      told.textContent = told.dataset[error.code];
      return;
    }
    // The person closed the dialog of the browser.
    const isQuiet = error.name === "NotAllowedError" || error.name === "AbortError";
    const isHere = error.name === "InvalidStateError";
    told.textContent = isQuiet ? "" : isHere ? told.dataset.here || told.dataset.failed : told.dataset.failed;
  }

  // Offers passkeys in the list below the field of the address, until somebody picks one.
  async function offer(form) {
    waiting = new AbortController();
    const { signal } = waiting;
    if (!(await api.isConditionalMediationAvailable?.()) || signal.aborted) return;
    const renew = setTimeout(() => {
      waiting.abort();
      offer(form);
    }, FRESH);
    try {
      send(form, await get(form, { mediation: "conditional", signal }));
    } catch {
      // The button says what is wrong.
    } finally {
      clearTimeout(renew);
    }
  }

  if (isKnown) {
    for (const part of all("[data-passkeys]")) part.hidden = false;
    for (const form of all("form[data-passkey]")) {
      form.querySelector("button[type=button]").addEventListener("click", async () => {
        waiting.abort();
        try {
          send(form, await (form.dataset.passkey === "create" ? create() : get(form)));
        } catch (error) {
          fail(form, error);
          if ("passkeyOffer" in form.dataset) offer(form);
        }
      });
      if ("passkeyOffer" in form.dataset) offer(form);
    }
    const unknown = document.querySelector("[data-unknown-passkey]");
    if (unknown && api.signalUnknownCredential) {
      const credentialId = unknown.dataset.unknownPasskey;
      api.signalUnknownCredential({ rpId: location.hostname, credentialId }).catch(() => {});
    }
    // The browser forgets those that were deleted here.
    const list = document.querySelector("[data-passkey-ids]");
    if (list && api.signalAllAcceptedCredentials) {
      const { host: rpId, user: userId } = list.dataset;
      const allAcceptedCredentialIds = list.dataset.passkeyIds.split(" ").filter(Boolean);
      api.signalAllAcceptedCredentials({ rpId, userId, allAcceptedCredentialIds }).catch(() => {});
    }
  }
}
