import assert from "node:assert/strict";
import process from "node:process";
import { listenHttp } from "./status_server.ts";

Deno.test("listenHttp() waits for a slow reader again and again, and leaves no listener behind", async () => {
  const warnings: string[] = [];
  const note = (warning: Error) => void warnings.push(warning.message);
  process.on("warning", note);
  const chunks = 64;
  const chunkBytes = 256 << 10;
  const server = await listenHttp("127.0.0.1", 0, () => {
    let left = chunks;
    return new Response(
      new ReadableStream<Uint8Array>({
        pull(controller) {
          if (left-- > 0) controller.enqueue(new Uint8Array(chunkBytes));
          else controller.close();
        },
      }),
    );
  });
  try {
    const response = await fetch(`http://127.0.0.1:${server.port}/`);
    const body = await response.bytes();
    assert.equal(body.length, chunks * chunkBytes);
    assert.deepEqual(warnings, []);
  } finally {
    process.off("warning", note);
    server.abort();
    await server.shutdown();
  }
});

Deno.test("listenHttp() takes no request before the answer to the former was read", async () => {
  let answered = 0;
  const server = await listenHttp("127.0.0.1", 0, () => {
    answered++;
    return new Response("x".repeat(4_000));
  });
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  try {
    const requests = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1_000));
    await connection.write(requests);
    for (const rest = new Uint8Array(65_536); await connection.read(rest).catch(() => null) !== null;);
    assert.ok(answered <= 1, `${answered} were answered`);
  } finally {
    connection.close();
    server.abort();
    await server.shutdown();
  }
});

Deno.test("listenHttp() lets nobody keep others out by requests that never end", async () => {
  const server = await listenHttp("0.0.0.0", 0, () => new Response("fine"));
  const { port } = server;
  const connections = await Promise.all(
    Array.from({ length: 128 }, () => Deno.connect({ hostname: "127.0.0.1", port })),
  );
  try {
    const begun = new TextEncoder().encode("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n");
    for (const each of connections) await each.write(begun);
    await new Promise((resolve) => setTimeout(resolve, 200));
    for (let i = 0; i < 3; i++) {
      const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } });
      assert.equal(await response.text(), "fine");
    }
  } finally {
    for (const each of connections) each.close();
    server.abort();
    await server.shutdown();
  }
});

Deno.test("listenHttp() parts with a reader of events that does not read on, and keeps one that does", async () => {
  const made: { chunks: number; isCancelled: boolean }[] = [];
  const server = await listenHttp(
    "127.0.0.1",
    0,
    () => {
      const state = { chunks: 0, isCancelled: false };
      made.push(state);
      const body = new ReadableStream<Uint8Array>({
        async pull(controller) {
          // Of the first, who reads nothing, as much as it takes; the second is told something now and then.
          if (made.indexOf(state) === 1) await new Promise((resolve) => setTimeout(resolve, 20));
          state.chunks++;
          controller.enqueue(new Uint8Array(made.indexOf(state) === 1 ? 10 : 256 << 10));
        },
        cancel: () => void (state.isCancelled = true),
      }, { highWaterMark: 0 });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    },
    undefined,
    150,
  );
  const connections: Deno.Conn[] = [];
  const ask = async (): Promise<Deno.Conn> => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    connections.push(connection);
    await connection.write(new TextEncoder().encode("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    return connection;
  };
  const until = async (isSo: () => boolean) => {
    for (let tries = 0; !isSo(); tries++) {
      assert(tries < 500);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  try {
    await ask();
    await until(() => made.length === 1);
    const reader = await ask();
    await until(() => made[0]?.isCancelled === true);
    // What the sockets hold is all that it has cost.
    assert((made[0]?.chunks ?? 0) < 100, `${made[0]?.chunks} chunks`);
    const before = made[1]?.chunks ?? 0;
    const rest = new Uint8Array(4_096);
    for (let reads = 0; reads < 20; reads++) assert.notEqual(await reader.read(rest), null);
    assert((made[1]?.chunks ?? 0) > before);
    assert.equal(made[1]?.isCancelled, false);
    // Whoever stops is not held up by a stream without an end.
    await server.shutdown();
    await until(() => made[1]?.isCancelled === true);
  } finally {
    for (const connection of connections) connection.close();
    server.abort();
    await server.shutdown();
  }
});
