import assert from "node:assert/strict";
import { CallStats } from "../stats/mod.ts";
import { silentLogger, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { CallServer } from "./call_server.ts";
import { failed } from "../errors.ts";
import { HandlerLog } from "../handler_log.ts";
import { peerId } from "../ports.ts";
import { fakeLinks } from "../testing/fake_links.ts";
import { MessageCarrier } from "../wire/message_carrier.ts";
import { Compression } from "../../proto/mod.ts";
import { NO_VALUE, type RequestMessage } from "../wire/node_message.ts";
import { NO_HOST } from "../testing/no_host.ts";

const PEER = peerId("hostile");
const handlerLog = new HandlerLog(silentLogger, () => undefined);
const nodeName = () => undefined;
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
    {
      clock,
      timers: new VirtualTimers(clock),
      carrier: new MessageCarrier(stuck, undefined),
      run: 1,
      host: NO_HOST,
      handlerLog,
      nodeName,
      stats: new CallStats(() => clock.now()),
    },
    () => failed("UnknownAction", "nothing of this name"),
  );
  for (let number = 1; number <= 140_000; number++) server.handleRequest(PEER, { ...request, number });
  assert.ok(kept > 100_000 && kept * 512 < 64 << 20, `${kept} answers are kept`);
  server.close();
});

Deno.test("CallServer.close() leaves nothing behind, also of parameters that are still on their way", async () => {
  const clock = new VirtualClock();
  const timers = new VirtualTimers(clock);
  const inflated = Promise.withResolvers<Uint8Array>();
  const compressor = { deflate: () => Promise.resolve(undefined), inflate: () => inflated.promise };
  const carrier = new MessageCarrier(fakeLinks({}), compressor);
  const server = new CallServer(
    {
      ...{ clock, timers, carrier, run: 1, handlerLog, nodeName, host: NO_HOST },
      stats: new CallStats(() => clock.now()),
    },
    () => ({
      kind: "forward",
      forward: () => assert.fail("it was closed before"),
    }),
  );
  const params = { ...NO_VALUE, data: new Uint8Array(9), compression: Compression.DEFLATE, plainBytes: 99 };
  server.handleRequest(PEER, { ...request, number: 1, params });
  assert.ok(carrier.memory.usedBytes > 0);
  server.close();
  inflated.resolve(new Uint8Array(99));
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.deepEqual([carrier.memory.usedBytes, timers.size, server.running], [0, 0, 0]);
});
