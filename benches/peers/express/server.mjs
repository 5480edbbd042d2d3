// express-session as its documentation sets it up, over connect-redis where ANTEROOM_BENCH_REDIS says
// where Redis is, else with its own store in memory: sends the bytes that Anteroom sends. `node
// server.mjs` serves until it is killed and says on its first line how to be known there; `node
// --expose-gc server.mjs fill COUNT` fills the store instead, and prints what a session in memory
// takes: the growth of what a collection leaves, which is less than what the process holds.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { RedisStore } from "connect-redis";
import express from "express";
import session from "express-session";
import { createClient } from "redis";

const OURS = new Set([
  "content-type", "content-length", "date", "connection",
  "remote-user", "remote-email", "remote-name", "remote-groups",
]);

const url = process.env.ANTEROOM_BENCH_REDIS;
const client = url && createClient({ url });
await client?.connect();
const store = client ? new RedisStore({ client }) : new session.MemoryStore();

function live() {
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function fill(count) {
  const before = live();
  const systems = [
    "X11; Linux x86_64", "Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10.15",
  ];
  const set = (id, kept) => new Promise((done, failed) => {
    store.set(id, kept, (error) => error ? failed(error) : done());
  });
  const hex = (number, length) => number.toString(16).padStart(length, "0");
  for (let from = 0; from < count; from += 1000) {
    const writes = [];
    for (let number = from; number < Math.min(from + 1000, count); number += 1) {
      // 24 random bytes in base64url make an id there.
      const id = Buffer.from(hex(number, 48), "hex").toString("base64url");
      const version = 128 + (number % 20);
      writes.push(set(id, {
        cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: "/" },
        session: {
          user_id: `${hex(number, 8)}-0000-7000-8000-000000000000`,
          epoch: 1,
          created_at: 1795251600000,
          authenticated_at: 1795251600000,
          last_seen_at: 1795251600000,
          remember_me: false,
          ip_address: `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`,
          user_agent: `Mozilla/5.0 (${systems[number % 3]}; rv:${version}.0) Gecko/20100101 `
            + `Firefox/${version}.0`,
        },
      }));
    }
    await Promise.all(writes);
  }
  console.log((live() - before) / count);
}

async function serve() {
  const [of_session, of_verify] = JSON.parse(readFileSync(process.env.ANTEROOM_BENCH_ANSWERS));
  const constant = ([headers]) => headers.filter(([name]) => !OURS.has(name));
  const [session_headers, verify_headers] = [constant(of_session), constant(of_verify)];
  const record = JSON.parse(of_session[1]);

  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.use(session({ store, secret: "thirty-two bytes of a secret key", resave: false, saveUninitialized: false }));
  app.get("/enter", (request, response) => {
    request.session.record = record;
    response.end();
  });
  const known = (answer) => (request, response) => {
    const { record } = request.session;
    if (!record) return response.status(401).end();
    answer(record, response);
  };
  app.get("/api/session", known((record, response) => {
    for (const [name, value] of session_headers) response.setHeader(name, value);
    response.setHeader("content-type", "application/json");
    response.send(Buffer.from(JSON.stringify(record)));
  }));
  app.get("/auth/verify", known(({ user }, response) => {
    for (const [name, value] of verify_headers) response.setHeader(name, value);
    response.setHeader("remote-user", user.id);
    response.setHeader("remote-email", user.email_verified ? user.email : "");
    response.setHeader("remote-name", user.name);
    response.setHeader("remote-groups", user.role);
    response.setHeader("content-length", "0");
    response.end();
  }));

  const server = createServer(app);
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const address = `127.0.0.1:${server.address().port}`;
  const entered = await fetch(`http://${address}/enter`);
  const cookie = ["Cookie", entered.headers.get("set-cookie").split(";")[0]];
  console.log(JSON.stringify([address, cookie, cookie]));
}

if (process.argv[2] === "fill") {
  await fill(Number(process.argv[3]));
  await client?.close();
} else {
  await serve();
}
