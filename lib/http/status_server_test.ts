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
