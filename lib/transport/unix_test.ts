import assert from "node:assert/strict";
import type { ByteStream } from "../base/mod.ts";
import { SocketError, SocketPathInUseError } from "./errors.ts";
import { testByteStream } from "./testing/byte_stream_suite.ts";
import { dialUnix, listenUnix } from "./unix.ts";

async function inFolder(body: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(`${folder}/a.sock`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function connect(): Promise<readonly [ByteStream, ByteStream]> {
  let ends: readonly [ByteStream, ByteStream] | undefined;
  await inFolder(async (path) => {
    const listener = await listenUnix(path);
    const accepting = listener.accept();
    const dialled = await dialUnix(path) ?? assert.fail("no answer");
    ends = [dialled, await accepting ?? assert.fail("nothing accepted")];
    listener.close();
  });
  return ends ?? assert.fail();
}

testByteStream("dialUnix()", connect);

Deno.test("listenUnix() is for this user alone, and removes its socket when it is closed, also twice", async () => {
  await inFolder(async (path) => {
    const listener = await listenUnix(path);
    assert.equal((Deno.lstatSync(path).mode ?? 0) & 0o777, 0o600);
    const accepting = listener.accept();
    listener.close();
    listener.close();
    assert.equal(await accepting, undefined);
    assert.equal(await listener.accept(), undefined);
    assert.throws(() => Deno.lstatSync(path), Deno.errors.NotFound);
    assert.equal(await dialUnix(path), undefined);
  });
});

Deno.test("listenUnix() gives way to whoever listens, and replaces what a killed program left", async () => {
  await inFolder(async (path) => {
    const first = await listenUnix(path);
    await assert.rejects(listenUnix(path), SocketPathInUseError);
    const second = await dialUnix(path);
    second?.close();
    assert.ok(second);
    first.close();

    const killed = Deno.listen({ transport: "unix", path: `${path}.old` });
    Deno.linkSync(`${path}.old`, path);
    killed.close();
    assert.ok(Deno.lstatSync(path).isSocket);
    const third = await listenUnix(path);
    const dialled = await dialUnix(path) ?? assert.fail();
    dialled.close();
    third.close();
  });
});

Deno.test("listenUnix() leaves alone what is no socket, and what somebody put in the place of its own", async () => {
  await inFolder(async (path) => {
    await Deno.writeTextFile(path, "precious");
    await assert.rejects(listenUnix(path), SocketError);
    assert.equal(await Deno.readTextFile(path), "precious");
    await Deno.remove(path);
    const listener = await listenUnix(path);
    await Deno.remove(path);
    await Deno.writeTextFile(path, "new");
    listener.close();
    assert.equal(await Deno.readTextFile(path), "new");
  });
});

Deno.test("listenUnix() says what is wrong with a path", async () => {
  await inFolder(async (path) => {
    await assert.rejects(listenUnix(`${path}/no/such/folder`), SocketError);
    await assert.rejects(listenUnix(path + "x".repeat(104)), SocketError);
  });
});
