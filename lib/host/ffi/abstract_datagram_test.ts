import assert from "node:assert/strict";
import { CapturedProcess, labTest } from "../../../tests/lab/mod.ts";
import { notifyAbstract } from "./mod.ts";

Deno.test({
  name: "notifyAbstract() does nothing where nobody listens, or the address is too long",
  ignore: Deno.build.os !== "linux",
  fn() {
    notifyAbstract("@weft/nobody", Uint8Array.of(1));
    notifyAbstract(`@${"x".repeat(200)}`, Uint8Array.of(1));
  },
});

labTest("notifyAbstract() reaches an abstract socket", ["linux", "python3"], async () => {
  const address = `weft-test-${crypto.randomUUID()}`;
  await using listener = new CapturedProcess(["python3", "-c", LISTENER, address]);
  await listener.until(({ stdout }) => stdout === "bound\n", 10_000, "it listens");
  notifyAbstract(`@${address}`, new TextEncoder().encode("READY=1"));
  assert.equal((await listener.finished).stdout, "bound\nREADY=1\n");
});

/** The runtime cannot listen on such an address either. */
const LISTENER = `import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.settimeout(10)
s.bind("\\0" + sys.argv[1])
print("bound", flush=True)
print(s.recv(100).decode(), flush=True)`;
