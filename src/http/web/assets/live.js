// Makes open pages leave when their session ends, keeps lists as they are, counts down, and advises
// on passwords. Every page works without it. It asks nobody but this server.
"use strict";
{
  const root = document.documentElement;
  const own = root.dataset.session;
  const all = (selector) => document.querySelectorAll(selector);
  const channel = new BroadcastChannel("anteroom");

  // Times: as the clock of the reader has them, in the reader's language. UTC stays in the title.

  const language = root.lang;
  const region = navigator.languages.find((tag) => tag.split("-")[0] === language) || language;
  const day = { year: "numeric", month: "short", day: "numeric" };
  const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short" };
  const toDay = new Intl.DateTimeFormat(region, day);
  const toMinute = new Intl.DateTimeFormat(region, { ...day, ...clock });

  function tellLocalTimes(part) {
    for (const place of part.querySelectorAll("time[datetime]")) {
      const at = new Date(place.dateTime);
      const local = place.dataset.local ?? (place.title ? undefined : place.closest("tbody")?.dataset.local);
      if (place.title) place.title = toMinute.format(at);
      else place.title = place.textContent;
      if (local === undefined) continue;
      place.textContent = (local === "day" ? toDay : toMinute).format(at);
    }
  }

  tellLocalTimes(document);

  // Forms: one that is on its way is not sent again until the page is back, or the answer is late.

  const LATE = 10_000;

  function setSent(form, isSent) {
    if (isSent) form.dataset.sent = "";
    else delete form.dataset.sent;
    for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", isSent);
  }

  addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    if ("sent" in form.dataset) return event.preventDefault();
    setSent(form, true);
    setTimeout(() => setSent(form, false), LATE);
  });

  addEventListener("pageshow", () => all("form[data-sent]").forEach((form) => setSent(form, false)));

  // An answer for an application that it wants by a form.

  document.querySelector("form[data-send-at-once]")?.requestSubmit();

  // The part of an address after # is seen by the browser alone: it goes along through the form.

  const next = document.querySelector("main form input[name=next]");
  const fragment = location.hash;
  if (next && fragment && !next.value.includes("#") && !document.getElementById(fragment.slice(1))) {
    next.value += fragment;
  }

  // Live: one stream serves every tab of the browser. The tab that holds the lock keeps it and tells the
  // others; when that tab closes, the next one takes over.

  let leaving = false;

  function leave(reason) {
    if (leaving) return;
    leaving = true;
    const query = new URLSearchParams();
    if (reason) query.set("ended", reason);
    // After an end on purpose nobody needs this page again.
    const onPurpose = reason === "signed_out" || reason === "account_deleted";
    const here = new URL(location);
    here.searchParams.delete("done");
    if (!onPurpose) query.set("next", here.pathname + here.search + here.hash);
    location.replace(`/login?${query}`);
  }

  async function refresh() {
    const list = document.querySelector("[data-live-list]");
    if (!list) return;
    const answer = await fetch(location.pathname);
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-live-list]");
    if (!fresh) return;
    const focused = list.contains(document.activeElement) && document.activeElement.id;
    list.replaceChildren(...fresh.childNodes);
    tellLocalTimes(list);
    if (focused) (document.getElementById(focused) || list).focus();
    const news = document.querySelector("[data-live-news]");
    if (news) news.textContent = news.dataset.liveNews;
  }

  function hear({ kind, session, reason }) {
    // Messages about another session than the page's are not for it.
    if (kind === "ended" && session === own) leave(reason);
    if (kind === "sessions" && session === own) refresh();
    // The browser has another session by now: the page shows what is no longer so.
    if (kind === "watching" && session !== own && !leaving) location.reload();
  }

  function tell(message) {
    channel.postMessage(message);
    hear(message);
  }

  channel.onmessage = (event) => hear(event.data);

  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  // Resolves when the stream is over: true where the token was renewed or the server went away, and
  // it is worth asking again.
  function follow() {
    return new Promise((resolve) => {
      let session = own;
      const stream = new EventSource("/api/session/events?sessions=true");
      const over = (again) => {
        stream.close();
        resolve(again);
      };
      stream.addEventListener("watching", (event) => {
        session = JSON.parse(event.data).session;
        tell({ kind: "watching", session });
      });
      stream.addEventListener("sessions", () => tell({ kind: "sessions", session }));
      stream.addEventListener("rotated", () => over(true));
      stream.addEventListener("ended", (event) => {
        const { reason } = JSON.parse(event.data);
        tell({ kind: "ended", session, reason });
        over(false);
      });
      stream.onerror = () => over(true);
    });
  }

  // Why there is no stream: nobody is signed in any more, or nobody can say.
  async function isOver() {
    try {
      const answer = await fetch("/api/session");
      if (answer.status !== 401) return false;
      const { reason } = await answer.json();
      // The new cookie may still be on its way to this browser.
      if (reason === "replaced") return false;
      tell({ kind: "ended", session: own, reason });
      return true;
    } catch {
      return false;
    }
  }

  async function keepFollowing() {
    let wait = 250;
    while (!leaving) {
      const begun = Date.now();
      if (!(await follow())) return;
      wait = Date.now() - begun > 10_000 ? 250 : Math.min(wait * 2, 30_000);
      await pause(wait * (0.5 + Math.random() / 2));
      if (await isOver()) return;
    }
  }

  // A tab that takes over may be about to hear that the session has ended: the other one left.
  async function takeOver() {
    await pause(250);
    await keepFollowing();
  }

  const lead = (mode, run) => navigator.locks.request("anteroom-live", mode, run);

  if (own) {
    if (navigator.locks) {
      lead({ ifAvailable: true }, (lock) => (lock ? keepFollowing() : void lead({}, takeOver)));
    } else keepFollowing();
    // A page that comes back out of the browser's memory may be of a session long gone.
    addEventListener("pageshow", (event) => event.persisted && isOver());
  }

  // Deadlines: how much is left, by the clock of the server.

  const unit = (count, name) =>
    new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay: "long" }).format(count);
  const told = document.querySelector("[data-now]");
  const ahead = told ? Date.parse(told.dataset.now) - Date.now() : 0;

  function countDown() {
    for (const place of all("[data-until]")) {
      const seconds = Math.max(0, Math.floor((Date.parse(place.dataset.until) - Date.now() - ahead) / 1000));
      const parts = [
        [Math.floor(seconds / 86_400), "day"],
        [Math.floor(seconds / 3600) % 24, "hour"],
        [Math.floor(seconds / 60) % 60, "minute"],
        [seconds % 60, "second"],
      ];
      const first = parts.findIndex(([count]) => count > 0);
      const shown = first < 0 ? parts.slice(3) : parts.slice(first);
      place.textContent = shown.map(([count, name]) => unit(count, name)).join(" ");
    }
  }

  if (told) {
    countDown();
    setInterval(countDown, 1000);
  }

  // Passwords: advice while they are typed. Nothing is sent; the server judges in the end.

  function advice(password, { minimum, words }) {
    const lower = password.toLowerCase();
    const letters = [...password];
    const personal = words.split(" ").some((word) => word.length > 3 && lower.includes(word));
    const steps = letters.map((letter, at) => at && letter.codePointAt(0) - letters[at - 1].codePointAt(0));
    const dull = steps.slice(1).filter((step) => Math.abs(step) <= 1).length;
    if (letters.length === 0) return [0, "empty"];
    if (personal) return [1, "personal"];
    if (new Set(letters).size < Math.min(8, letters.length / 2) || dull > letters.length / 2) return [1, "dull"];
    if (letters.length < minimum) return [1 + letters.length / minimum, "short"];
    return letters.length < minimum + 6 ? [3, "good"] : [4, "strong"];
  }

  for (const place of all("[data-advice]")) {
    const field = document.getElementById(place.dataset.advice);
    const bar = place.querySelector("meter");
    const words = place.querySelector("output");
    field.addEventListener("input", () => {
      const minimum = Number(field.dataset.minimum);
      // As the server counts.
      const typed = field.value.normalize("NFC");
      const [strength, key] = advice(typed, { minimum, words: place.dataset.words });
      const missing = minimum - [...typed].length;
      place.hidden = key === "empty";
      bar.value = strength;
      words.value = (place.dataset[key] || "").replace("#", missing);
    });
  }
}
