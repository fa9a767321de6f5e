/**
 * The services of an agent, without one, for tests of those who ask for them.
 * @module
 */

import {
  type CallRequest,
  type CallResult,
  callResult,
  type EventLine,
  eventLines,
  type OfferedPort,
  offerLines,
  type OfferReport,
  type OfferRequest,
  type PublishRequest,
  type ServiceChange,
  type SubscribeRequest,
} from "../../api/mod.ts";
import {
  CallError,
  type EventStream,
  peerId,
  type PublishReport,
  type ServiceEvent,
  type ServiceReport,
} from "../../service/mod.ts";

/** One service, on two nodes. */
export const sampleServices: readonly ServiceReport[] = [{
  path: "math",
  description: "Sums",
  actions: [{ name: "add", idempotent: true }],
  events: ["added"],
  providers: [
    {
      id: peerId("n1"),
      name: "web-1",
      state: "running",
      version: "1.0.0",
      isLocal: false,
      isHealthy: true,
      rttMs: 0.7,
    },
    {
      id: peerId("n2"),
      name: "web-2",
      state: "paused",
      version: "1.0.0",
      isLocal: true,
      isHealthy: true,
      isLeader: true,
    },
  ],
}];

const event: ServiceEvent = {
  topic: "orders/placed",
  data: { id: 7 },
  params: { what: "placed" },
  publishedAt: 1_700_000_000_000,
  isPast: false,
  metadata: {},
  traceparent: undefined,
  publisher: undefined,
};

/** What is offered: one of this node, and one of a rootless member for some. */
export const sampleOffers: readonly OfferReport[] = [
  {
    node: "lead",
    port: 80,
    isLocal: true,
    isRestricted: false,
    isForAllPrograms: false,
    service: "127.0.0.1:3000",
  },
  { node: "phone", port: 5432, isLocal: false, isRestricted: true, isForAllPrograms: true },
];

/** Services that answer from tables, and write down what they were asked. */
export class SampleServices {
  readonly asked: unknown[] = [];
  /** How many streams, subscriptions and offers were ended. */
  ended = 0;
  /** What `subscribe` gives, and then waits. */
  events: ServiceEvent[] = [event];
  dropped = 0;

  listServices(): readonly ServiceReport[] {
    return sampleServices;
  }

  pauseService(change: ServiceChange): Promise<boolean> {
    this.asked.push({ paused: change });
    return Promise.resolve(true);
  }

  resumeService(change: ServiceChange): Promise<boolean> {
    this.asked.push({ resumed: change });
    return Promise.resolve(false);
  }

  listOffers(): readonly OfferReport[] {
    return sampleOffers;
  }

  async call(
    request: CallRequest,
    signal: AbortSignal,
  ): Promise<CallResult | AsyncIterable<CallResult>> {
    this.asked.push(request);
    return callResult(await this.#run(request), signal);
  }

  #run(request: CallRequest): Promise<unknown> {
    switch (request.path) {
      case "math/add":
        return Promise.resolve(3);
      case "math/bytes":
        return Promise.resolve(Uint8Array.of(1, 2, 255));
      case "math/nothing":
        return Promise.resolve(undefined);
      case "math/count":
        return Promise.resolve(ReadableStream.from([1, Uint8Array.of(2), { three: 3 }]));
      case "math/breaks":
        return Promise.resolve(ReadableStream.from(breaking()));
      default:
        return Promise.reject(failed("NoProvider", "Nobody offers it"));
    }
  }

  publish(request: PublishRequest): Promise<PublishReport> {
    this.asked.push(request);
    return Promise.resolve({ local: 1, sent: 2, lost: 0 });
  }

  subscribe(request: SubscribeRequest, signal: AbortSignal): AsyncIterable<EventLine> {
    this.asked.push(request);
    const [events, ended] = [[...this.events], Promise.withResolvers<IteratorResult<ServiceEvent>>()];
    const end = () => {
      this.ended++;
      ended.resolve({ done: true, value: undefined });
      return ended.promise;
    };
    const stream: EventStream = {
      ready: Promise.resolve({ nodes: 0, missing: [] }),
      dropped: this.dropped,
      next: () => {
        const value = events.shift();
        return value === undefined ? ended.promise : Promise.resolve({ done: false, value });
      },
      return: end,
      [Symbol.asyncDispose]: async () => void await end(),
      [Symbol.asyncIterator]: () => stream,
    };
    return eventLines(stream, (peer) => peer ?? "lead", signal);
  }

  offer(request: OfferRequest, signal: AbortSignal): AsyncIterable<OfferedPort> {
    this.asked.push(request);
    return offerLines({ port: request.port, close: () => Promise.resolve(void this.ended++) }, signal);
  }
}

async function* breaking(): AsyncGenerator<number> {
  yield await Promise.resolve(1);
  throw failed("HandlerFailed", "the disk is full");
}

function failed(code: string, message: string): CallError {
  return new CallError({ code, message, retryable: false, executed: false });
}
