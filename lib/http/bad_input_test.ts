import assert from "node:assert/strict";
import { SampleControl } from "../agent/testing/sample_control.ts";
import { sampleStatus } from "../agent/testing/sample_status.ts";
import { systemClock } from "../host/mod.ts";
import { Access } from "./access.ts";
import { statusApp } from "./apps.ts";
import { serveControl, type Served, serveStatus } from "./serve.ts";
import { listenHttp } from "./status_server.ts";

const control = new SampleControl();
const OWN = "10.200.0.1";

/** A socket to ask at. */
interface Site extends Served {
  connect(): Promise<Deno.Conn>;
  /** What a request says that is nobody's. */
  readonly host: string;
  /** How a request that may be asked is answered. */
  readonly fine: number;
}

async function statusSite(): Promise<Site> {
  const served = await serveStatus({ control, hostname: "127.0.0.1", port: 0 });
  const connect = () => Deno.connect({ hostname: "127.0.0.1", port: served.port });
  return { ...served, connect, host: "localhost", fine: 200 };
}

/** What members meet: the loopback's socket, and the address of another interface. */
async function overlaySite(): Promise<Site> {
  const token = { matches: (text: string) => text === "right", sign: (text: string) => `mac of ${text}` };
  const access = new Access({ token, clock: systemClock });
  const app = statusApp({ control, access, isOwnHost: (host) => host === OWN });
  const ends = { localAddress: OWN, remoteAddress: "10.200.0.7" };
  const server = await listenHttp("127.0.0.1", 0, (request) => app.fetch(request, { connection: ends }));
  const connect = () => Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const close = async () => {
    server.abort();
    await server.shutdown();
  };
  return { port: server.port, close, connect, host: OWN, fine: 401 };
}

async function controlSite(): Promise<Site> {
  const folder = await Deno.makeTempDir({ prefix: "weft-bad-input-" });
  const path = `${folder}/control.sock`;
  const served = await serveControl({ control, path });
  const close = async () => {
    await served.close();
    await Deno.remove(folder, { recursive: true });
  };
  return {
    port: 0,
    close,
    connect: () => Deno.connect({ transport: "unix", path }),
    host: "weft",
    fine: 200,
  };
}

const SITES = { status: statusSite, overlay: overlaySite, control: controlSite };

/** Sends bytes as they stand. @returns all that is answered until the other end closes, or rests */
async function tell(site: Site, text: string, restMs = 300): Promise<string> {
  using connection = await site.connect();
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  // Who does not want it need not read it to the end.
  void writeAll(connection, bytes).catch(() => {});
  let answer = "";
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const { promise, resolve } = Promise.withResolvers<null>();
    const timer = setTimeout(() => resolve(null), restMs);
    const length = await Promise.race([connection.read(buffer).catch(() => null), promise]);
    clearTimeout(timer);
    if (length === null) return answer;
    answer += new TextDecoder().decode(buffer.subarray(0, length));
  }
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

function codesOf(answer: string): readonly number[] {
  return [...answer.matchAll(/^HTTP\/1\.[01] (\d{3}) /gm)].map(([, code]) => Number(code));
}

const smuggled = "GET /status HTTP/1.1\r\nHost: HOST\r\n\r\n";
const post = "POST /none HTTP/1.1\r\nHost: HOST\r\n";
const get = "GET /status HTTP/1.1\r\nHost: HOST\r\n";

/** What no two programs may read differently (RFC 9112 §6.3, §11.2), and what is no HTTP at all. */
const SHAPES: Readonly<Record<string, string>> = {
  "a length beside chunks":
    `${post}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  "chunks beside a length":
    `${post}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${smuggled}`,
  "two lengths": `${post}Content-Length: 0\r\nContent-Length: 44\r\n\r\n${smuggled}`,
  "two lengths in one": `${post}Content-Length: 0, 44\r\n\r\n${smuggled}`,
  "a length with a sign": `${post}Content-Length: +0\r\n\r\n${smuggled}`,
  "a length below nothing": `${post}Content-Length: -1\r\n\r\n${smuggled}`,
  "a length of 2^64": `${post}Content-Length: 18446744073709551616\r\n\r\n${smuggled}`,
  "an unknown coding": `${post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${smuggled}`,
  "a coding behind chunks": `${post}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${smuggled}`,
  "a chunk of no number": `${post}Transfer-Encoding: chunked\r\n\r\nzz\r\n0\r\n\r\n${smuggled}`,
  "a chunk of 2^64": `${post}Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n0\r\n\r\n${smuggled}`,
  "a chunk that is longer than it says":
    `${post}Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n${smuggled}`,
  "a chunk with a long extension": `${post}Transfer-Encoding: chunked\r\n\r\n1;${
    "x".repeat(70_000)
  }\r\na\r\n0\r\n\r\n`,
  "another request behind it": `GET /none HTTP/1.1\r\nHost: HOST\r\n\r\n${smuggled}`,
  "a space before the colon": `${get}Transfer-Encoding : chunked\r\n\r\n`,
  "a folded line": `${get}X-Long: a\r\n b\r\nContent-Length: 0\r\n\r\n`,
  "a header without a colon": `${get}nothing\r\n\r\n`,
  "a line feed alone within a head": `${get}X: a\nContent-Length: 9\r\n\r\n`,
  "a carriage return alone": `${get}X: a\rContent-Length: 9\r\n\r\n`,
  "a zero byte": `${get}X: a\0b\r\n\r\n`,
  "a head of 64 KiB": `${get}X: ${"x".repeat(65_536)}\r\n\r\n`,
  "a head of 1 MiB": `${get}X: ${"x".repeat(1 << 20)}\r\n\r\n`,
  "ten thousand headers": `${get}${"X: y\r\n".repeat(10_000)}\r\n`,
  "a target of 1 MiB": `GET /${"x".repeat(1 << 20)} HTTP/1.1\r\nHost: HOST\r\n\r\n`,
  "a target with a space": `GET /sta tus HTTP/1.1\r\nHost: HOST\r\n\r\n`,
  "no method": `\0\0\0 /status HTTP/1.1\r\nHost: HOST\r\n\r\n`,
  "a version that there is not": "GET /status HTTP/9.9\r\nHost: HOST\r\n\r\n",
  "a version of half a line": "GET /status HTTP/1.1 GET /status HTTP/1.1\r\nHost: HOST\r\n\r\n",
  "a request to connect elsewhere": "CONNECT 192.0.2.1:22 HTTP/1.1\r\nHost: HOST\r\n\r\n",
  "the beginning of HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "the beginning of TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "\xff".repeat(64),
};

/**
 * A line may end with a line feed alone (RFC 9112 §2.2), and requests may come one behind the other: nobody stands between
 * who asks and that socket, which only its user opens.
 */
const TOLERATED: Readonly<Record<string, readonly string[]>> = {
  control: ["a line feed alone within a head", "another request behind it"],
};

for (const [name, open] of Object.entries(SITES)) {
  Deno.test(`the ${name} socket makes no second request of what is sent as one, and nothing of what is none`, async (t) => {
    const site = await open();
    try {
      for (const [what, shape] of Object.entries(SHAPES)) {
        if (TOLERATED[name]?.includes(what)) continue;
        await t.step(what, async () => {
          const answer = await tell(site, shape.replaceAll("HOST", site.host));
          const codes = codesOf(answer);
          assert.ok(codes.length <= 1, `${codes}`);
          assert.ok(codes.every((code) => code >= 400 && code < 600), `${codes}`);
          assert.ok(!answer.includes(sampleStatus.node.id), "what was smuggled in is answered");
        });
      }
      const fine = await tell(site, `GET /peers HTTP/1.1\r\nHost: ${site.host}\r\nConnection: close\r\n\r\n`);
      assert.deepEqual(codesOf(fine), [site.fine]);
    } finally {
      await site.close();
    }
  });
}

for (const [name, open] of Object.entries(SITES)) {
  Deno.test(`the ${name} socket takes no body that is too large, however it is told`, async (t) => {
    const site = await open();
    const path = name === "control" ? "/tokens" : "/";
    const head =
      `POST ${path} HTTP/1.1\r\nHost: ${site.host}\r\nContent-Type: application/x-www-form-urlencoded\r\n`;
    try {
      await t.step("one that is said to have a gigabyte, and never comes", async () => {
        const codes = codesOf(await tell(site, `${head}Content-Length: 1073741824\r\n\r\n`, 1_000));
        assert.ok(codes.length <= 1 && codes.every((code) => code >= 400 && code < 500), `${codes}`);
      });
      await t.step("one whose pieces have no end", async () => {
        const connection = await site.connect();
        await writeAll(connection, new TextEncoder().encode(`${head}Transfer-Encoding: chunked\r\n\r\n`));
        const piece = new TextEncoder().encode(`10000\r\n${"x".repeat(65_536)}\r\n`);
        let sent = 0;
        const sending = (async () => {
          for (; sent < 64 << 20; sent += piece.length) await writeAll(connection, piece);
        })().catch(() => {});
        const buffer = new Uint8Array(4_096);
        const length = await connection.read(buffer).catch(() => null);
        const codes = codesOf(new TextDecoder().decode(buffer.subarray(0, length ?? 0)));
        assert.ok(codes.every((code) => code >= 400 && code < 500), `${codes}`);
        connection.close();
        await sending;
        // What the kernel keeps for a socket counts, too.
        assert.ok(sent < 32 << 20, `${sent} bytes were taken`);
      });
    } finally {
      await site.close();
    }
  });

  Deno.test(`the ${name} socket answers while hundreds of others say nothing, or read nothing`, async () => {
    const site = await open();
    const held: Deno.Conn[] = [];
    try {
      for (let i = 0; i < 400; i++) {
        const connection = await site.connect();
        held.push(connection);
        const ask = i % 2 === 0 ? "" : `GET /openapi.json HTTP/1.1\r\nHost: ${site.host}\r\n\r\n`;
        await connection.write(new TextEncoder().encode(ask)).catch(() => 0);
      }
      const answer = await tell(
        site,
        `GET /peers HTTP/1.1\r\nHost: ${site.host}\r\nConnection: close\r\n\r\n`,
        5_000,
      );
      assert.deepEqual(codesOf(answer), [site.fine]);
    } finally {
      for (const connection of held) connection.close();
      await site.close();
    }
  });
}

Deno.test("wrong tokens are answered, counted, and then not even looked at, by a real socket", async () => {
  const site = await overlaySite();
  try {
    const ask = async (authorization: string) =>
      codesOf(
        await tell(
          site,
          `GET /status HTTP/1.1\r\nHost: ${site.host}\r\nConnection: close\r\n${authorization}\r\n`,
        ),
      )[0];
    assert.equal(await ask("Authorization: Bearer right\r\n"), 200);
    // None, two of them, another scheme, one that is too long, and one that is not text.
    const wrong = [
      ["Authorization: Basic right\r\n", 401],
      ["Authorization: Bearer right\r\nAuthorization: Bearer right\r\n", 401],
      [`Authorization: Bearer ${"r".repeat(5_000)}\r\n`, 401],
      ["Authorization: Bearer \xff\xfe\r\n", 401],
      ["Cookie: weft-status=99999999999999.00\r\n", 401],
      ["", 401],
    ] as const;
    for (const [header, expected] of wrong) assert.equal(await ask(header), expected, header);
    const codes: (number | undefined)[] = [];
    for (let i = 0; i < 12; i++) codes.push(await ask(`Authorization: Bearer wrong${i}\r\n`));
    assert.deepEqual([codes[0], codes.at(-1)], [401, 429]);
    assert.equal(await ask("Authorization: Bearer right\r\n"), 429);
  } finally {
    await site.close();
  }
});

Deno.test("pages of other origins and names that were pointed here are refused by a real socket", async () => {
  const site = await statusSite();
  try {
    const cases = [
      ["Host: evil.example\r\n", 421],
      ["Host: evil.example:9180\r\n", 421],
      ["Host: localhost.evil.example\r\n", 421],
      ["Host: 127.0.0.1@evil.example\r\n", 421],
      ["Host: \r\n", 421],
      ["Host: 0.0.0.0\r\n", 421],
      ["Host: 2130706433.evil\r\n", 421],
      ["Host: localhost\r\nOrigin: http://evil.example\r\n", 403],
      ["Host: localhost\r\nOrigin: null\r\n", 403],
      ["Host: localhost\r\nOrigin: https://localhost\r\n", 403],
      ["Host: localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n", 403],
      ["Host: localhost\r\nSec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\n", 403],
      ["Host: localhost\r\nOrigin: http://localhost\r\n", 200],
    ] as const;
    for (const [headers, expected] of cases) {
      for (const path of ["/status", "/metrics", "/measurements", "/"]) {
        const answer = await tell(site, `GET ${path} HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`);
        const [code] = codesOf(answer);
        assert.ok(code === expected || (expected !== 200 && code === 400), `${path} ${headers}: ${code}`);
        assert.equal(answer.includes(sampleStatus.node.id) && expected !== 200, false, headers);
        assert.ok(!/^access-control-allow-origin:/im.test(answer));
      }
    }
  } finally {
    await site.close();
  }
});
