import assert from "node:assert/strict";
import { StatusToken } from "../agent/status_token.ts";
import { SampleControl } from "../agent/testing/sample_control.ts";
import { MemoryStateStore, SeededRandom, silentLogger, VirtualClock, VirtualTimers } from "../base/mod.ts";
import { parseAgentOptions } from "../config/mod.ts";
import { IpAddress } from "../net/mod.ts";
import { StatusPortInUseError } from "./serve.ts";
import { StatusSite } from "./status_site.ts";

function setUp(where: string, overlay: readonly string[] = ["127.0.0.9"]) {
  const clock = new VirtualClock();
  const timers = new VirtualTimers(clock);
  const state = { overlay };
  const node = {
    control: new SampleControl(),
    statusToken: new StatusToken(new MemoryStateStore(), new SeededRandom(3)),
    overlayAddresses: () => state.overlay.map((each) => IpAddress.parse(each) ?? assert.fail(each)),
    isOwnHost: () => false,
  };
  const { statusAddress: addresses } = parseAgentOptions({ stateDir: "/state", statusAddress: where });
  const open = (port = 0) =>
    StatusSite.open({ node, log: silentLogger, addresses, port, names: ["page.example"], clock, timers });
  return { open, timers, state };
}

const answers = async (host: string, port: number): Promise<boolean> => {
  const answer = await fetch(`http://${host}:${port}/healthz`).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.ok ?? false;
};

Deno.test("StatusSite serves on the overlay when that is there, follows its addresses, and keeps the loopback", async () => {
  const { open, timers, state } = setUp("overlay");
  const site = await open();
  const { port } = site;
  assert.deepEqual([await answers("127.0.0.1", port), await answers("127.0.0.9", port)], [true, false]);
  await site.openOverlay();
  assert(await answers("127.0.0.9", port));
  state.overlay = ["127.0.0.10"];
  timers.advance(2_000);
  for (let i = 0; i < 100 && !await answers("127.0.0.10", port); i++);
  assert.deepEqual([await answers("127.0.0.9", port), await answers("127.0.0.10", port)], [false, true]);
  await site.close();
  await site.close();
  assert.deepEqual([await answers("127.0.0.1", port), await answers("127.0.0.10", port)], [false, false]);
  assert.equal(timers.size, 0);
});

Deno.test("StatusSite that is closed while it opens at the overlay serves nowhere", async () => {
  const { open, timers } = setUp("overlay");
  const site = await open();
  const opening = site.openOverlay();
  await site.close();
  await opening;
  assert.equal(await answers("127.0.0.9", site.port), false);
  assert.equal(timers.size, 0);
});

Deno.test("StatusSite waits for an overlay address that is named, too, and serves it alone", async () => {
  const site = await setUp("127.0.0.9").open();
  await site.openOverlay();
  assert.deepEqual([await answers("127.0.0.1", site.port), await answers("127.0.0.9", site.port)], [
    false,
    true,
  ]);
  await site.close();
});

Deno.test("StatusSite serves everywhere, by the names that it is told, and by no word for a place", async () => {
  const site = await setUp("any").open();
  await site.openOverlay();
  const statusOf = async (host: string) => {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: site.port });
    await connection.write(new TextEncoder().encode(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`));
    const bytes = new Uint8Array(64);
    const length = await connection.read(bytes) ?? 0;
    return Number(new TextDecoder().decode(bytes.subarray(0, length)).split(" ")[1]);
  };
  assert.equal(await statusOf("page.example"), 200);
  for (const word of ["any", "overlay", "loopback", "other.example"]) {
    assert.equal(await statusOf(word), 421, word);
  }
  await site.close();
});

Deno.test("StatusSite leaves nothing open when one of its addresses is taken", async () => {
  const taken = Deno.listen({ hostname: "127.0.0.2", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  await assert.rejects(setUp("127.0.0.1,127.0.0.2").open(port), StatusPortInUseError);
  assert(!await answers("127.0.0.1", port));
  taken.close();
});
