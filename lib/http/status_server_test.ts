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
