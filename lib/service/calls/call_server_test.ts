import assert from "node:assert/strict";
import { VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { CallServer } from "./call_server.ts";
import { failed } from "../errors.ts";
import { peerId } from "../ports.ts";
import { fakeLinks } from "../testing/fake_links.ts";
import { MessageCarrier } from "../wire/message_carrier.ts";
import { NO_VALUE, type RequestMessage } from "../wire/node_message.ts";

const PEER = peerId("hostile");

Deno.test("CallServer keeps up to 64 MiB of answers for a peer that reads nothing", () => {
  let kept = 0;
  const forever = new Promise<void>(() => {});
  const stuck = fakeLinks({
    post: () => "congested",
    drained: () => {
      kept++;
      return forever;
    },
  });
  const clock = new VirtualClock();
  const server = new CallServer(
    { clock, timers: new VirtualTimers(clock), carrier: new MessageCarrier(stuck, undefined), run: 1 },
    () => failed("UnknownAction", "nothing of this name"),
  );
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
