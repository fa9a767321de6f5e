import assert from "node:assert/strict";
import { VirtualClock, VirtualTimers } from "../base/mod.ts";
import { Compression, Encoding } from "../proto/mod.ts";
import { CallServer } from "./calls/call_server.ts";
import { failure } from "./errors.ts";
import { MAX_DETACHED, MessageCarrier } from "./wire/message_carrier.ts";
import { NO_VALUE, type RequestMessage } from "./wire/node_message.ts";
import { peerId, type PeerLinks } from "./ports.ts";
import { plain } from "./wire/wire_value.ts";

const PEER = peerId("hostile");

function links(parts: Partial<PeerLinks>): PeerLinks {
  return {
    post: () => "queued",
    drained: () => Promise.resolve(),
    reach: () => Promise.resolve(true),
    openStream: () => undefined,
    rttMs: () => undefined,
    linked: () => [],
    ...parts,
  };
}

Deno.test("CallServer keeps up to 64 MiB of answers for a peer that reads nothing", () => {
  let kept = 0;
  const forever = new Promise<void>(() => {});
  const stuck = links({
    post: () => "congested",
    drained: () => {
      kept++;
      return forever;
    },
  });
  const clock = new VirtualClock();
  const server = new CallServer({
    clock,
    timers: new VirtualTimers(clock),
    links: stuck,
    carrier: new MessageCarrier(stuck, undefined),
    run: 1,
    route: () => ({ kind: "failure", failure: failure("UnknownAction", "nothing of this name") }),
  });
  const request: RequestMessage = {
    kind: "request",
    number: 0,
    callerRun: 7,
    providerRun: 0,
    path: "work/nothing",
    params: NO_VALUE,
    timeoutMs: 1_000,
    streamsParams: false,
    routing: undefined,
    caller: "",
  };
  for (let number = 1; number <= 140_000; number++) server.handleRequest(PEER, { ...request, number });
  assert.ok(kept > 100_000 && kept * 512 < 64 << 20, `${kept} answers are kept`);
  server.close();
});

Deno.test("MessageCarrier inflates at most 32 values of one peer at the same time", async () => {
  const inflating: ((bytes: Uint8Array) => void)[] = [];
  const carrier = new MessageCarrier(links({}), {
    deflate: (bytes) => Promise.resolve(bytes),
    inflate: () => new Promise((resolve) => void inflating.push(resolve)),
  });
  const bomb = { ...plain(Encoding.JSON, new Uint8Array(100)), compression: Compression.DEFLATE };
  const values = Array.from({ length: MAX_DETACHED + 8 }, () => carrier.complete(PEER, bomb, undefined));
  const other = carrier.complete(peerId("other"), bomb, undefined);
  assert.equal(inflating.length, MAX_DETACHED + 1);
  for (const resolve of inflating) resolve(new Uint8Array(1));
  const codes = (await Promise.all([...values, other])).map((value) =>
    "code" in value ? value.code : "whole"
  );
  assert.equal(codes.filter((code) => code === "Overloaded").length, 8);
  assert.equal(codes.at(-1), "whole");
  void carrier.complete(PEER, bomb, undefined);
  assert.equal(inflating.length, MAX_DETACHED + 2, "there is room again");
});
