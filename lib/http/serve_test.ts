import assert from "node:assert/strict";
import { SampleControl } from "../agent/testing/sample_control.ts";
import type { StatusAddress } from "../config/mod.ts";
import { IpAddress } from "../net/mod.ts";
import { sampleStatus } from "../agent/testing/sample_status.ts";
import {
  AgentRunningError,
  CannotServeError,
  checkServing,
  serveControl,
  serveStatus,
  StatusPortInUseError,
} from "./serve.ts";

const control = new SampleControl();

async function withFolder(body: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "weft-status-" });
  try {
    await body(`${folder}/control.sock`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function ask(path: string, request = "/status"): Promise<unknown> {
  using client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
  return await (await fetch(`http://localhost${request}`, { client })).json();
}

Deno.test("serveStatus() serves on a free port and names a port that is taken", async () => {
  const served = await serveStatus({ control, hostname: "127.0.0.1", port: 0 });
  try {
    const answer = await fetch(`http://127.0.0.1:${served.port}/status`);
    assert.deepEqual(await answer.json(), sampleStatus);
    await assert.rejects(serveStatus({ control, hostname: "127.0.0.1", port: served.port }), (error) => {
      assert(error instanceof StatusPortInUseError && error.hint);
      assert.match(error.message, new RegExp(`127.0.0.1:${served.port}`));
      return true;
    });
  } finally {
    await served.close();
    await served.close();
  }
  const again = await serveStatus({ control, hostname: "127.0.0.1", port: served.port });
  await again.close();
});

Deno.test("checkServing() says what serving would, and leaves nothing open", async () => {
  const check = (
    port: number | "off",
    addresses: readonly StatusAddress[] = ["loopback"],
    socketPaths: readonly string[] = [],
  ) => checkServing({ addresses, port, socketPaths });
  const served = await serveStatus({ control, hostname: "127.0.0.1", port: 0 });
  const message = new RegExp(`127.0.0.1:${served.port}: another program listens there`);
  assert.throws(() => check(served.port), { code: "PortInUse", message });
  assert.throws(() => check(served.port, ["any"]), { code: "PortInUse" });
  // Those come when the interface is there.
  const later = IpAddress.parse("192.0.2.1") ?? assert.fail();
  check(served.port, ["overlay", later]);
  await served.close();
  check(served.port);
  check(served.port);
  assert.throws(() => check("off", [], ["/s", `/${"x".repeat(107)}`]), /107 bytes/);
});

Deno.test("serveStatus() refuses an address that is not this host's", async () => {
  await assert.rejects(serveStatus({ control, hostname: "192.0.2.1", port: 0 }), CannotServeError);
});

/** Sends a request as it stands. @returns the status line of the answer */
async function askRaw(port: number, request: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(request));
  const bytes = new Uint8Array(1024);
  const length = await connection.read(bytes) ?? 0;
  return new TextDecoder().decode(bytes.subarray(0, length)).split("\r\n")[0] ?? "";
}

Deno.test("serveStatus() answers nobody who means another host, however the request names it", async () => {
  const served = await serveStatus({ control, hostname: "127.0.0.1", port: 0 });
  try {
    const heads: readonly (readonly [string, number])[] = [
      ["GET /status HTTP/1.1\r\nHost: localhost", 200],
      ["GET http://localhost/status HTTP/1.1\r\nHost: localhost", 200],
      ["GET /status HTTP/1.1\r\nHost: 127.0.0.1:9180.evil.example", 421],
      ["GET http://evil.example/status HTTP/1.1\r\nHost: localhost", 421],
      ["GET http://localhost/status HTTP/1.1\r\nHost: evil.example", 421],
      ["GET /status HTTP/1.1\r\nHost: localhost\r\nHost: evil.example", 400],
      ["GET /status HTTP/1.1", 400],
      ["GET /status HTTP/1.0", 200],
    ];
    for (const [head, expected] of heads) {
      assert.match(await askRaw(served.port, `${head}\r\n\r\n`), new RegExp(`^HTTP/1.1 ${expected} `), head);
    }
  } finally {
    await served.close();
  }
});

Deno.test("serveStatus() answers while others hold half-sent requests, which it ends after 5 s", async () => {
  const served = await serveStatus({ control, hostname: "127.0.0.1", port: 0 });
  const held: Deno.Conn[] = [];
  try {
    for (let i = 0; i < 600; i++) {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port: served.port });
      held.push(connection);
      const sent = i % 2 === 0 ? "" : "GET /status HTTP/1.1\r\nHost: local";
      await connection.write(new TextEncoder().encode(sent));
    }
    assert.match(await askRaw(served.port, "GET /status HTTP/1.0\r\n\r\n"), /^HTTP\/1.1 200 /);
    const startedAt = performance.now();
    const ends = held.map(async (connection) => {
      const bytes = new Uint8Array(1024);
      while (await connection.read(bytes).catch(() => null) !== null);
      return performance.now() - startedAt;
    });
    const tookMs = await Promise.all(ends);
    assert.ok(tookMs.filter((ms) => ms < 1_000).length >= 400, "only so many are held");
    assert.ok(Math.max(...tookMs) < 9_000, `${Math.max(...tookMs)}`);
  } finally {
    for (const connection of held) connection.close();
    await served.close();
  }
});

Deno.test("serveControl() serves at a socket of its user only, and removes it", () =>
  withFolder(async (path) => {
    const served = await serveControl({ control, path });
    assert.deepEqual(await ask(path), sampleStatus);
    const { mode } = await Deno.lstat(path);
    assert.equal((mode ?? 0) & 0o777, 0o600);
    await served.close();
    await served.close();
    await assert.rejects(Deno.lstat(path), Deno.errors.NotFound);
  }));

Deno.test("serveControl() leaves a running agent's socket alone and replaces a dead one", () =>
  withFolder(async (path) => {
    const first = await serveControl({ control, path });
    await assert.rejects(serveControl({ control, path }), AgentRunningError);
    assert.deepEqual(await ask(path), sampleStatus);
    await first.close();

    const script = `Deno.listen({ transport: "unix", path: ${JSON.stringify(path)} }); Deno.exit(0)`;
    const { success } = await new Deno.Command(Deno.execPath(), { args: ["eval", script] }).output();
    assert(success);
    await Deno.lstat(path);
    const second = await serveControl({ control, path });
    assert.deepEqual(await ask(path), sampleStatus);
    await second.close();
  }));

Deno.test("serveControl() does not remove what is no socket", () =>
  withFolder(async (path) => {
    await Deno.writeTextFile(path, "precious");
    await assert.rejects(serveControl({ control, path }), CannotServeError);
    assert.equal(await Deno.readTextFile(path), "precious");
  }));

Deno.test("serveControl() names a path that is too long", async () => {
  const path = `/tmp/${"x".repeat(120)}/control.sock`;
  await assert.rejects(serveControl({ control, path }), { name: "CannotServeError", message: /107 bytes/ });
});
