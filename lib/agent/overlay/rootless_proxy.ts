/**
 * Leads connections of this host's ordinary programs to members that have no packet plane, by their channels.
 * @module
 */

import type { WeftError } from "../../base/mod.ts";
import type { PacketPlane, ProxyAnswer, ProxyQuestion } from "../../dataplane/mod.ts";
import { type Dial, dialWithin, isRefusal, type Refusal, TranslatedListener } from "../../forward/mod.ts";
import type { NodeId } from "../../mesh/mod.ts";
import { Endpoint, IpAddress, type IpFamily } from "../../net/mod.ts";
import type { AgentContext } from "../agent_context.ts";

/** Where translated connections come in, if it is free: a firewall that drops what comes in has to let them pass. */
const PORT = 45680;
const DIAL_TIMEOUT_MS = 12_000;

/** What a program sees as "connection refused"; everything else is "no route to host". */
const REFUSED: ReadonlySet<Refusal> = new Set(["connection-refused", "refused-by-policy"]);

/** How members are reached that have no packet plane. */
export interface MemberReach {
  /** Opens a stream to a port of a member, which is named by its address. */
  readonly dial: Dial;
  /** @returns milliseconds, or undefined when the member does not answer */
  ping(nodeId: NodeId): Promise<number | undefined>;
}

/** Answers the packet plane's questions. Which members are proxied `PeerSync` tells the plane. */
export class RootlessProxy {
  readonly #context: AgentContext;
  readonly #plane: PacketPlane;
  readonly #reach: MemberReach;
  readonly #abort = new AbortController();
  #listeners = new Map<IpFamily, TranslatedListener>();
  /** Connections that were accepted and have not come yet, and how each is forgotten. */
  readonly #expected = new Map<number, () => void>();

  constructor(context: AgentContext, plane: PacketPlane, reach: MemberReach) {
    this.#context = context;
    this.#plane = plane;
    this.#reach = reach;
  }

  /** Listens at these addresses of this host instead of where it did; what was open there ends. */
  listenAt(addresses: readonly IpAddress[]): void {
    const former = [...this.#listeners.values()];
    this.#listeners = new Map();
    this.#expected.clear();
    for (const listener of former) void listener.stop();
    const endpoints: Endpoint[] = [];
    for (const address of addresses) {
      if (this.#listeners.has(address.family)) continue;
      try {
        const listener = TranslatedListener.open(address.toString(), PORT);
        this.#listeners.set(address.family, listener);
        endpoints.push(new Endpoint(address, listener.port));
      } catch (error) {
        const { message, cause } = error as WeftError;
        this.#context.log.warn("programs of this host can't reach rootless members", {
          error: message,
          cause,
        });
      }
    }
    this.#plane.changeProxy({ listeners: endpoints });
  }

  /** Takes a question of the packet plane; never throws. */
  handleQuestion(question: ProxyQuestion): void {
    if (question.kind === "gone") {
      this.#expected.get(question.id)?.();
      this.#expected.delete(question.id);
      return;
    }
    const answering = question.kind === "echo" ? this.#answerEcho(question.host) : this.#connect(question);
    void answering.catch((): ProxyAnswer => "unreachable")
      .then((answer) => this.#plane.answerProxy(question.id, answer));
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    this.#abort.abort();
    await Promise.all(Array.from(this.#listeners.values(), (listener) => listener.stop()));
    this.#listeners.clear();
  }

  async #answerEcho(host: string): Promise<ProxyAnswer> {
    const address = IpAddress.parse(host);
    const nodeId = address && this.#context.mesh.roster.byAddress(address)?.record.nodeId;
    const rttMs = nodeId === undefined ? undefined : await this.#reach.ping(nodeId);
    return rttMs === undefined ? "unreachable" : "accept";
  }

  async #connect(question: Extract<ProxyQuestion, { kind: "connect" }>): Promise<ProxyAnswer> {
    const { id, host, port, translatedPort } = question;
    const limits = { signal: this.#abort.signal, timeoutMs: DIAL_TIMEOUT_MS };
    const stream = await dialWithin(this.#reach.dial, { host, port }, limits);
    if (isRefusal(stream)) return REFUSED.has(stream.refusal) ? "refuse" : "unreachable";
    const listener = this.#listeners.get(host.includes(":") ? 6 : 4);
    if (listener === undefined) {
      stream.reset(1);
      return "unreachable";
    }
    listener.expect({
      host,
      port: translatedPort,
      stream,
      onTaken: () => this.#expected.delete(id),
      onMissed: () => {
        this.#expected.delete(id);
        const { interfaceName } = this.#context.options;
        this.#context.log.warn("a connection to a rootless member did not come through this host", {
          hint: `a firewall has to let in what comes to TCP port ${listener.port} on ${interfaceName}`,
        });
        this.#plane.answerProxy(id, "refuse");
      },
      onBroken: () => this.#plane.answerProxy(id, "reset"),
    });
    this.#expected.set(id, () => listener.forget({ host, port: translatedPort }));
    return "accept";
  }
}
