import assert from "node:assert/strict";
import { serviceManager } from "./mod.ts";

const isLinux = Deno.build.os === "linux";

/** A service manager's end of the socket. */
async function listening(test: (path: string, next: () => Promise<string>) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/notify`;
  const socket = Deno.listenDatagram({ transport: "unixpacket", path });
  try {
    await test(path, async () => new TextDecoder().decode((await socket.receive())[0]));
  } finally {
    socket.close();
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("serviceManager() is none without a socket, or with one that is no address", () => {
  assert.equal(serviceManager({}), undefined);
  for (const NOTIFY_SOCKET of ["", "/", "@", "vsock:2:1"]) {
    assert.equal(serviceManager({ NOTIFY_SOCKET }), undefined);
  }
});

Deno.test({
  name: "serviceManager() tells by datagrams, and what this process starts does not",
  ignore: !isLinux,
  fn: () =>
    listening(async (path, next) => {
      Deno.env.set("NOTIFY_SOCKET", path);
      const manager = serviceManager({ NOTIFY_SOCKET: path });
      assert.equal(Deno.env.get("NOTIFY_SOCKET"), undefined);
      await manager?.tell("READY=1\nSTATUS=it runs");
      assert.equal(await next(), "READY=1\nSTATUS=it runs");
      manager?.close();
    }),
});

Deno.test({
  name: "watch() feeds the watchdog twice as often as it must, while the event loop turns",
  ignore: !isLinux,
  fn: () =>
    listening(async (path, next) => {
      const manager = serviceManager({
        NOTIFY_SOCKET: path,
        WATCHDOG_USEC: "40000",
        WATCHDOG_PID: `${Deno.pid}`,
      });
      let turns = 0;
      const end = manager?.watch(() => {
        if (turns++ === 1) throw new Error("no status");
        return "two\nlines";
      });
      assert.equal(await next(), "WATCHDOG=1\nSTATUS=two lines");
      assert.equal(await next(), "WATCHDOG=1\nSTATUS=");
      end?.();
      manager?.close();
    }),
});

Deno.test({
  name: "watch() feeds no watchdog of another process",
  ignore: !isLinux,
  fn: () =>
    listening(async (path) => {
      const manager = serviceManager({ NOTIFY_SOCKET: path, WATCHDOG_USEC: "1000", WATCHDOG_PID: "1" });
      let turns = 0;
      const end = manager?.watch(() => `${turns++}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal(turns, 0);
      end?.();
      manager?.close();
    }),
});

Deno.test("tell() is no failure when nobody is there", async () => {
  const manager = serviceManager({ NOTIFY_SOCKET: "/nonexistent/notify" });
  await manager?.tell("READY=1");
  manager?.close();
});
